"""Every broken, hostile or odd picture through every door that takes pictures."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from shoal import Agent
from shoal.agents.cli.app import app
from shoal.errors import ShoalError, UsageError
from shoal.modalities.torchvision_fix import ensure_torchvision_imports
from shoal.modalities.vision import (
    ImageIndex,
    ZeroShot,
    ask,
    describe_image,
    explain,
    extract,
    label_folder,
    load_image,
    text_reader,
    vision_encoder,
)
from shoal.modalities.vision.find import files_in
from shoal.modalities.vision.frames import frames
from shoal.modalities.vision.teach import (
    ImageClassifier,
    TeachSettings,
    read_pictures,
    teach_classifier,
)
from tests.vision.random_models import save_clip
from tests.vision.zoo import ODD, REFUSED, bound_socket, file_of, half, noise, refused_places, write

SCHEMA = {"properties": {"total": {"type": "number"}}}


@dataclass(frozen=True)
class House:
    """What the doors lead to."""

    agent: Agent
    index: ImageIndex
    zero_shot: ZeroShot


Door = Callable[[House, Path], object]

DOORS: dict[str, Door] = {
    "load": lambda house, path: load_image(path),
    "load bytes": lambda house, path: load_image(path.read_bytes() if path.is_file() else path),
    "label": lambda house, path: vision_encoder().label([path]),
    "embed": lambda house, path: vision_encoder().embed([path]),
    "maps": lambda house, path: vision_encoder().maps([path], []),
    "search": lambda house, path: house.index.search(path),
    "teach": lambda house, path: house.agent.teach("thing", images=[path]),
    "run": lambda house, path: house.agent.task("What is it?", images=[path]),
    "read": lambda house, path: text_reader().read(path),
    "ask": lambda house, path: ask(path, "What is the total?"),
    "extract": lambda house, path: extract(path, SCHEMA),
    "frames": lambda house, path: list(frames(path, unlike=0.9)),
    "stream": lambda house, path: list(frames([path])),
    "explain": lambda house, path: explain(path).overlay(caption=True),
    "describe": lambda house, path: describe_image(path).as_text(),
    "zero-shot": lambda house, path: house.zero_shot.label([path], ["cat", "Dog"]),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Everything that no door may take."""
    folder = Path(tempfile.mkdtemp(prefix="zoo"))  # short: a socket's path may not be long
    made = [*write(folder, REFUSED), *refused_places(folder), folder / "socket.png"]
    with bound_socket(made[-1]):
        yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Sound pictures that are easily handled wrongly."""
    return write(tmp_path_factory.mktemp("odd"), ODD)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ZeroShot:
    ensure_torchvision_imports()
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    return ZeroShot(folder)


@pytest.fixture
def house(clip: ZeroShot, tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        index = stack.enter_context(ImageIndex(tmp_path / "index.sqlite"))
        index.add([half()])
        yield House(stack.enter_context(Agent()), index, clip)


@pytest.fixture
def mixed(refused: list[Path], odd: list[Path], tmp_path: Path) -> Path:
    """A folder of all of them."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in [*odd, *(path for path in refused if path.name in REFUSED)]:
        shutil.copy(path, folder)
    refused_places(folder)
    return folder


@pytest.mark.parametrize("door", DOORS)
def test_a_hostile_picture_by_itself_is_told_clearly(
    door: str, refused: list[Path], house: House, tmp_path: Path
) -> None:
    if door in ("read", "ask", "extract", "describe"):
        pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    wrong = {}
    for path in [*refused, tmp_path / "missing.png", tmp_path, tmp_path / "a\0b.png"]:
        try:
            made: Any = DOORS[door](house, path)
        except ShoalError as error:
            if not (error.what and error.why and error.fix) or "Traceback" in str(error):
                wrong[path.name] = str(error)
        except Exception as error:
            wrong[path.name] = repr(error)
        else:
            if door != "frames" or path != tmp_path:  # a folder has frames, or none
                wrong[path.name] = repr(made)[:80]
    assert wrong == {}
    assert house.agent.taught == {}


@pytest.mark.parametrize("door", sorted(set(DOORS) - {"read", "ask"}))  # they are in the others
def test_an_odd_picture_is_taken(door: str, odd: list[Path], house: House) -> None:
    if door in ("read", "ask", "extract", "describe"):
        pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    wrong = {}
    for path in odd:
        try:
            DOORS[door](house, path)
        except Exception as error:
            wrong[path.name] = repr(error)
    assert wrong == {}


def _names(found: Any) -> list[str]:
    return sorted(Path(item).name for item in found)


def _junk(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in ODD)


def test_labelling_a_folder_skips_counts_and_names(mixed: Path) -> None:
    made = label_folder(mixed)
    assert _names(row.path for row in made.pictures) == sorted(ODD)
    assert _names(row.name for row in made.skipped) == _junk(mixed)
    assert all(row.why for row in made.skipped)


def test_shoal_label_and_find_skip_count_and_name(mixed: Path) -> None:
    done = CliRunner().invoke(app, ["label", str(mixed), "--json"])
    assert done.exit_code == 0, done.exception
    assert len(json.loads(done.stdout)["pictures"]) == len(ODD)
    assert len(json.loads(done.stdout)["skipped"]) == len(_junk(mixed))
    done = CliRunner().invoke(app, ["find", str(mixed), str(mixed / "turned.jpg"), "--json"])
    assert done.exit_code == 0, done.exception
    said = json.loads(done.stdout)
    assert Path(said["found"][0]["file"]).name == "turned.jpg"
    assert said["of"] == len(ODD)
    assert len(said["skipped"]) == len(_junk(mixed))


@pytest.mark.parametrize("read", [False, True])
def test_an_index_skips_counts_and_names(read: bool, mixed: Path, house: House) -> None:
    if read:
        pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    for name in sorted(ODD)[4:] if read else ():  # it takes half a second each
        (mixed / name).unlink()
    added = house.index.add(files_in(mixed), read=read)
    assert len(added.new) == (4 if read else len(ODD))
    assert added.read == (4 if read else 0)
    assert _names(row.name for row in added.skipped) == _junk(mixed)


def test_frames_of_a_folder_skip_and_count(mixed: Path) -> None:
    with frames(mixed) as stream:
        assert len(list(stream)) == len(ODD)
        assert f"{len(_junk(mixed))} files are no pictures" in stream.note


@pytest.mark.parametrize("kind", ["folders", "table"])
def test_teaching_leaves_out_counts_and_names(
    kind: str, mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Class names with slashes, emoji, and what a shell or a path would make of them."""
    names = ["my 🐈", "-rf *"] if kind == "folders" else ["cats/dogs 🐈", "../../etc"]
    made = {name: tmp_path / "set" / str(place) for place, name in enumerate(names)}
    made = {n: tmp_path / "set" / n for n in names} if kind == "folders" else made
    other = made[names[1]]
    shutil.copytree(mixed, made[names[0]], symlinks=True, copy_function=_copy)
    other.mkdir(parents=True)
    (other / "noise.png").write_bytes(file_of(noise(), "PNG"))
    (other / "again.webp").write_bytes(file_of(noise().resize((50, 40)), "WEBP"))
    for name in REFUSED:
        shutil.copy(mixed / name, other)
    source = tmp_path / "set"
    if kind == "table":
        rows = [(file, name) for name in names for file in made[name].iterdir()]
        source = tmp_path / "set" / "labels.csv"
        with source.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("file", "label"), *rows, ("gone.png", names[0])])
    settings = TeachSettings(name="odd", out=tmp_path / "out", quiet=True)
    folder = teach_classifier(read_pictures(source)["train"], settings)
    told = capsys.readouterr()
    assert "no images that can be read" in told.out + told.err
    classifier = ImageClassifier.load(folder)
    assert sorted(classifier.labels) == sorted(names)
    said = classifier.predict([other / "noise.png", made[names[0]] / "cmyk.jpg"])
    assert [one.nearest for one in said] == [names[1], names[0]]


def _copy(source: str, target: str) -> None:
    if not os.path.isfile(source):
        return  # a pipe would be waited for
    shutil.copyfile(source, target)


def test_teaching_an_agent_by_a_hostile_picture_teaches_nothing(
    house: House, refused: list[Path], odd: list[Path]
) -> None:
    with pytest.raises(ShoalError):
        house.agent.teach("a/b 🐈", images=[odd[0], refused[0]])
    assert house.agent.taught == {}
    assert house.agent.teach("a/b 🐈", images=odd) == len(odd)
    with pytest.raises(UsageError, match="a/b 🐈"):
        house.agent.teach("another", images=[odd[0]])


def test_the_benchmark_leaves_hostile_pictures_out(mixed: Path) -> None:
    folder = Path(__file__).parents[2] / "benchmarks"
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]);"
        "import photos; print(len(photos.photos_of(Path(sys.argv[2]), 1000, 0)))"
    )
    command = [sys.executable, "-c", code, str(folder), str(mixed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    left_out, count = done.stdout.splitlines()
    assert left_out.startswith("left out: ")
    assert int(count) == len(ODD)


def test_a_folder_of_junk_alone_or_of_nothing(tmp_path: Path) -> None:
    write(tmp_path / "junk", REFUSED)
    (tmp_path / "none").mkdir()
    for folder, says in (("junk", "no picture in"), ("none", "no files")):
        done = CliRunner().invoke(app, ["label", str(tmp_path / folder)])
        assert isinstance(done.exception, UsageError)
        assert says in str(done.exception)
    done = CliRunner().invoke(app, ["find", str(tmp_path / "junk"), "cat", "--json"])
    assert (done.exit_code, json.loads(done.stdout)["found"]) == (1, [])
    with pytest.raises(UsageError, match=r"no class folders.*is empty"):
        read_pictures(tmp_path / "none")
    with pytest.raises(UsageError, match="is empty"):
        frames(tmp_path / "none")


def test_a_folder_of_one_picture(tmp_path: Path) -> None:
    write(tmp_path / "one" / "class", {"a.png": lambda: file_of(half(), "PNG")})
    assert len(label_folder(tmp_path / "one")) == 1
    assert len(list(frames(tmp_path / "one" / "class"))) == 1
    with pytest.raises(UsageError, match="has one class, 'class'"):
        read_pictures(tmp_path / "one")


def test_a_folder_that_is_deleted_meanwhile(tmp_path: Path, house: House) -> None:
    for door in ("label", "index"):
        files = [tmp_path / door / f"{number}.png" for number in range(40)]
        write(files[0].parent, {path.name: _numbered(int(path.stem)) for path in files})

        def delete(done: int, detail: str, folder: Path = files[0].parent) -> None:
            shutil.rmtree(folder, ignore_errors=True)

        if door == "label":
            made = label_folder(files[0].parent, progress=delete)
            kept, skipped = len(made.pictures), made.skipped
        else:
            added = house.index.add(files, progress=delete)
            kept, skipped = len(added.new), added.skipped
        assert 1 <= kept < 40
        assert kept + len(skipped) == 40
        assert [row.why for row in skipped if "no such file" not in row.why] == []


def _numbered(number: int) -> Callable[[], bytes]:
    return lambda: file_of(Image.new("RGB", (20, 20), (number, 0, 0)), "PNG")


@pytest.fixture
def shut() -> Iterator[Path]:
    """A folder with a sound picture, and what its owner may not read; root becomes nobody."""
    folder = Path(tempfile.mkdtemp())
    write(folder, {"sound.png": _numbered(1), "secret.png": _numbered(2)})
    write(folder / "shut", {"a.png": _numbered(3)})
    (folder / "secret.png").chmod(0)
    folder.chmod(0o755)
    (folder / "shut").chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65_534)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        (folder / "shut").chmod(0o700)
        shutil.rmtree(folder)


def test_what_may_not_be_read_is_named(house: House, shut: Path) -> None:
    with pytest.raises(ShoalError, match=r"secret\.png.*Permission denied"):
        load_image(shut / "secret.png")
    with pytest.raises(UsageError, match=r"shut.*Permission denied"):
        files_in(shut / "shut")
    with pytest.raises(UsageError, match=r"shut.*Permission denied"):
        read_pictures(shut / "shut")
    made = label_folder(shut)
    assert _names(row.path for row in made.pictures) == ["sound.png"]
    assert {Path(row.name).name: row.why for row in made.skipped} == {
        "secret.png": f"[Errno 13] Permission denied: '{shut / 'secret.png'}'",
        "shut": "it is a folder that can't be listed",
    }


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 1), (2, 900, 3), (84, 84, 4)])
def test_odd_observations(shape: tuple[int, ...]) -> None:
    import torch
    from gymnasium import spaces

    from shoal.modalities.vision import TimmExtractor

    space = spaces.Box(0, 255, shape, np.uint8)
    seen = TimmExtractor(space)(torch.zeros(2, *shape, dtype=torch.uint8))
    assert seen.shape == (2, seen.shape[1])
    assert torch.isfinite(seen).all()


@pytest.mark.parametrize("shape", [(0, 0, 3), (84, 84), (5, 4, 4, 3)])
def test_observations_that_are_no_pictures(shape: tuple[int, ...]) -> None:
    from gymnasium import spaces

    from shoal.modalities.vision import TimmExtractor

    with pytest.raises(UsageError, match="no picture"):
        TimmExtractor(spaces.Box(0, 255, shape, np.uint8))
