"""A folder as timm and its hub save models: config.json beside the weights, checked as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shoal.errors import CorruptWeightsError, MissingModelError, UsageError

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_LONGEST = 8 * 2**20  # bytes of config.json; 21,841 labels with descriptions are 2 MB

_Side = Annotated[int, Field(ge=16, le=1024)]
_Channel = Annotated[float, Field(ge=-10, le=10)]
_Spread = Annotated[float, Field(gt=0, le=10)]
_Name = Annotated[str, Field(min_length=1, max_length=500)]
_Widths = Annotated[tuple[Annotated[int, Field(ge=0, le=10_000)], ...], Field(max_length=100)]
_Blocks = Annotated[tuple[_Widths, ...], Field(min_length=1, max_length=100)]
_Names = Annotated[list[_Name], Field(max_length=50_000)]


class InputConfig(BaseModel):
    """What `pretrained_cfg` says of the input; what it leaves out is the architecture's own."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    input_size: tuple[Literal[3], _Side, _Side] | None = None
    mean: tuple[_Channel, _Channel, _Channel] | None = None
    std: tuple[_Spread, _Spread, _Spread] | None = None
    crop_pct: Annotated[float, Field(gt=0, le=1)] | None = None
    crop_mode: Literal["center", "squash", "border"] | None = None
    interpolation: Literal["bicubic", "bilinear", "nearest", "lanczos", "box", "hamming"] | None = (
        None
    )


class ModelArguments(BaseModel):
    """The arguments of `timm.create_model` that a folder may set; others are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num_classes: Annotated[int, Field(ge=0, le=50_000)] | None = None
    in_chans: Literal[3] | None = None
    img_size: _Side | tuple[_Side, _Side] | None = None
    global_pool: Annotated[str, Field(pattern=r"^\w{0,20}$")] | None = None
    dynamic_img_size: bool | None = None
    dynamic_img_pad: bool | None = None
    drop_rate: Annotated[float, Field(ge=0, lt=1)] | None = None
    drop_path_rate: Annotated[float, Field(ge=0, lt=1)] | None = None


class FolderConfig(BaseModel):
    """The parts of a timm folder's config.json that Shoal uses.

    Attributes:
        blocks: Of a student that Shoal made: the shape of a model that is smaller than its
            architecture, as `shrink` of blocks.py takes it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    architecture: Annotated[str, Field(pattern=r"^\w[\w.-]{0,99}$")]
    num_classes: Annotated[int, Field(ge=0, le=50_000)]
    label_names: _Names | dict[Annotated[int, Field(ge=0)], _Name] | None = None
    label_descriptions: dict[str, _Name] | _Names | None = None
    model_args: ModelArguments = ModelArguments()
    pretrained_cfg: InputConfig = InputConfig()
    blocks: _Blocks | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What `timm.create_model` is given; its overlay fills `model.pretrained_cfg`."""
        given = self.model_args.model_dump(exclude_none=True)
        overlay = self.pretrained_cfg.model_dump(exclude_none=True)
        return {**given, "num_classes": self.num_classes, "pretrained_cfg_overlay": overlay}

    @property
    def labels(self) -> tuple[str, ...]:
        """For each output its names, separated by commas; empty when the folder names none."""
        if not self.label_names:
            return ()
        names = self.label_names
        listed = dict(enumerate(names)) if isinstance(names, list) else names
        return tuple(
            self._described(listed.get(index, f"class {index}"), index)
            for index in range(self.num_classes)
        )

    def _described(self, name: str, index: int) -> str:
        """ImageNet's names are codes ("n02124075"): the descriptions are what people read."""
        told = self.label_descriptions
        if isinstance(told, list):
            return told[index] if index < len(told) else name
        return told.get(name, name) if told else name


def read_config(folder: Path) -> FolderConfig:
    """Reads and checks a folder's config.json.

    Raises:
        UsageError: It is no timm model, or sets arguments that Shoal does not pass on.
        CorruptWeightsError: It can't be read; the first wrong field is named.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UsageError(
            f"{folder} is not a folder with a timm model",
            f"it holds no {CONFIG}",
            "Save one with timm.models.save_for_hf, or name a weights file with weights=",
        )
    try:
        config = FolderConfig.model_validate(_split(_parse(path)))
    except ValidationError as error:
        raise _refused(path, error) from error
    names = config.label_names
    if isinstance(names, list) and len(names) != config.num_classes:
        why = f"it names {len(names)} labels for {config.num_classes} classes"
        raise CorruptWeightsError(f"{path} can't be used", why, "Mend its label_names")
    return config


def weights_file(folder: Path) -> Path:
    """Returns the folder's weights file.

    Raises:
        MissingModelError: There is none.
    """
    for name in WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise MissingModelError(
        f"no weights in {folder}", f"it holds none of {', '.join(WEIGHTS)}", "Copy them there"
    )


def _parse(path: Path) -> Any:
    import json

    try:
        if path.stat().st_size > _LONGEST:
            raise ValueError(f"it is over {_LONGEST // 2**20} MB")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = str(error) or type(error).__name__
        raise CorruptWeightsError(f"{path} can't be read", why, "Copy the folder again") from error


def _split(config: Any) -> Any:
    """Brings older layouts into today's: all in one table, or the labels in the inner one."""
    if not isinstance(config, dict):
        return config
    inner = config.get("pretrained_cfg", config)
    if not isinstance(inner, dict):
        return config
    lifted = {
        name: inner[name]
        for name in ("num_classes", "label_names", "label_descriptions")
        if name in inner
    }
    if "labels" in inner:
        lifted.setdefault("label_names", inner["labels"])
    return {**lifted, **config, "pretrained_cfg": inner}


def _refused(path: Path, error: ValidationError) -> UsageError | CorruptWeightsError:
    problem = error.errors()[0]
    place = [str(part) for part in problem["loc"]] or [CONFIG]
    if place[0] == "architecture" and problem["type"] == "missing":
        return UsageError(
            f"{path} describes no timm model", "it names no architecture", "Choose another folder"
        )
    if place[0] == "model_args" and problem["type"] == "extra_forbidden":
        known = ", ".join(ModelArguments.model_fields)
        return UsageError(
            f"{path} sets {place[-1]!r} in model_args",
            "Shoal does not pass it on",
            f"Known: {known}",
        )
    return CorruptWeightsError(
        f"{path} can't be used", f"{'.'.join(place)}: {problem['msg']}", "Mend it, or copy it again"
    )
