"""Lets torchvision import under a torch that its compiled operators don't fit.

timm and transformers import torchvision. Its Linux wheels are CUDA builds: under a CPU
build of torch the operator library does not load, and the import dies with "operator
torchvision::nms does not exist". All that those two need of it is pure Python, so
declaring the two missing schemas is enough.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from pathlib import Path
from typing import Any

from shoal.files import cache_dir

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_lock = threading.Lock()
_kept: list[Any] = []  # a torch Library withdraws its operators when it is collected


def ensure_torchvision_imports() -> bool:
    """Declares the operators that torchvision names at import, where they are missing.

    Call it before the first import of timm, transformers or torchvision. It is cheap to
    call again, and does nothing where torchvision is absent, imported, or works.

    Returns:
        Whether operators were declared by this call.
    """
    # Torch's compiler makes a folder in /tmp at import, unless it is told where.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_dir() / "torchinductor"))
    with _lock:
        spec = importlib.util.find_spec("torchvision") if not _kept else None
        if spec is None or "torchvision" in sys.modules:
            return False
        if _operators_load([Path(p) for p in spec.submodule_search_locations or []]):
            return False
        return _declare_missing()


def _operators_load(folders: list[Path]) -> bool:
    """Whether torchvision's own library loads; it must come first, or it can't register."""
    import torch

    operators: Any = torch.ops
    for library in (file for folder in folders for file in folder.glob("_C.*")):
        try:
            operators.load_library(str(library))
            return True
        except (ImportError, OSError):
            continue
    return False


def _declare_missing() -> bool:
    import torch

    torch_library: Any = torch.library
    missing = [name for name in _SCHEMAS if not hasattr(torch.ops.torchvision, name)]
    if missing:
        library = torch_library.Library("torchvision", "FRAGMENT")
        for name in missing:
            library.define(_SCHEMAS[name])
        _kept.append(library)
    return bool(missing)
