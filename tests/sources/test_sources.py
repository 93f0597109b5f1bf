"""Where weights come from: names, hashes, and errors that say how to get them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from shoal.errors import CorruptWeightsError, MissingModelError, UnknownNameError, UsageError
from shoal.files import data_dir, sha256_file
from shoal.modalities import sources

SHIPPED = sorted(name for name, source in sources.catalog().items() if not source.optional)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_model_is_here_and_has_the_pinned_hash(name: str) -> None:
    source = sources.get(name)
    path = sources.verify(source)
    assert path.stat().st_size == source.bytes
    assert source.licence != "unknown"
    assert sources.locate(name) == path


def test_models_txt_pins_the_same_wheels() -> None:
    lines = (Path(__file__).parents[2] / "models.txt").read_text()
    for source in map(sources.get, SHIPPED):
        pinned = f"{source.package}=={source.version} --hash=sha256:{source.wheel_sha256}"
        assert pinned in lines


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'smollm2-135m'"):
        sources.locate("smollm-135m")


def test_a_missing_model_says_what_to_type(home: Path) -> None:
    _own('[big]\nrole = "text"\npackage = "no-such"\nmodule = "no_such_module"\nfile = "x.gguf"\n')
    with pytest.raises(MissingModelError, match="shoal models pull big"):
        sources.locate("big")


def test_a_damaged_file_is_named_with_both_hashes(tmp_path: Path) -> None:
    good = sources.get("efficientnet-lite0")
    copy = tmp_path / "weights.pth"
    shutil.copy(sources.verify(good), copy)
    with copy.open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"\xff\xff")
    bad = replace(good, package="", module="", path=str(tmp_path), file="weights.pth")
    with pytest.raises(CorruptWeightsError) as caught:
        sources.verify(bad)
    assert sha256_file(copy)[:12] in str(caught.value)
    assert good.sha256[:12] in str(caught.value)


def test_a_file_changed_after_it_was_verified_is_checked_again(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"a" * 100)
    _own(
        f'[mine]\nrole = "text"\npath = "{tmp_path}"\nfile = "w.safetensors"\n'
        f'sha256 = "{sha256_file(weights)}"\n'
    )
    assert sources.locate("mine") == weights
    weights.write_bytes(b"b" * 100)
    with pytest.raises(CorruptWeightsError):
        sources.locate("mine")


def test_formats_that_could_run_code_are_refused(tmp_path: Path) -> None:
    pickle = tmp_path / "model.pkl"
    pickle.write_bytes(b"\x80\x04.")
    with pytest.raises(UsageError, match="not a weights file"):
        sources.locate(pickle)


def test_own_entries_join_the_catalogue_and_bad_ones_are_named() -> None:
    _own('[mine]\nrole = "vision"\npath = "/nowhere"\n')
    assert sources.get("mine").role == "vision"
    _own('[mine]\nroll = "vision"\n')
    with pytest.raises(UsageError, match="unknown fields \\['roll'\\]"):
        sources.catalog()
    _own("not toml")
    with pytest.raises(UsageError, match=r"models\.toml"):
        sources.catalog()


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_hub_ids_are_pinned() -> None:
    source = sources.hub_source(f"hf:owner/repo@{COMMIT}:model.safetensors")
    assert (source.repo, source.revision, source.file) == (
        "owner/repo",
        COMMIT,
        "model.safetensors",
    )
    for loose in ("hf:nonsense", "hf:owner/repo", "hf:owner/repo@main", f"hf:o/r@{COMMIT}:../x"):
        with pytest.raises(UsageError, match="40 hex digits"):
            sources.hub_source(loose)
    with pytest.raises(MissingModelError, match=f"shoal models pull hf:owner/repo@{COMMIT}"):
        sources.locate(f"hf:owner/repo@{COMMIT}")


def test_a_file_in_the_hub_cache_has_to_be_of_a_safe_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    folder = tmp_path / "models--owner--repo" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    for name in ("model.pkl", "model.safetensors"):
        (folder / name).write_bytes(b"x")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert sources.locate(f"hf:owner/repo@{COMMIT}:model.safetensors").parent == folder
    with pytest.raises(UsageError, match="not a weights file"):
        sources.locate(f"hf:owner/repo@{COMMIT}:model.pkl")


def test_entries_of_the_wrong_type_are_named() -> None:
    _own('[mine]\nparameters = "many"\n')
    with pytest.raises(UsageError, match=r"\[mine\].*parameters"):
        sources.catalog()


def _own(text: str) -> None:
    (data_dir() / "models.toml").write_text(text)
