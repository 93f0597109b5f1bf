"""Classifiers that are really tuned, on the real encoder: killed, resumed, saved and run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from shoal.errors import CorruptWeightsError, RunError, UnknownNameError, UsageError
from shoal.modalities.text.decisions import decide
from shoal.modalities.text.tune import (
    Classifier,
    Rows,
    TuneSettings,
    evaluate_classifier,
    read_rows,
    tune_classifier,
)
from shoal.modalities.text.tune.artifact import load_network
from shoal.modalities.text.tune.examples import tokenised
from shoal.modalities.text.tune.network import padded
from shoal.modalities.training.checkpoint import Checkpoint
from tests.text.authored import OUTSIDE, PATTERNS, WORDS, requests


@pytest.fixture(scope="module")
def rows() -> Rows:
    return requests((*WORDS, "mozart"))


@pytest.fixture(scope="module")
def tuned(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tuned in full, uninterrupted, with everything that is drawn and written."""
    out = tmp_path_factory.mktemp("tuned") / "small"
    settings = TuneSettings("small", "full", epochs=2, batch=8, seed=1, out=out, quiet=True)
    return tune_classifier(rows, settings, oos=OUTSIDE, source="small.csv")


def test_it_decides_on_a_question_behind_a_long_context(tuned: Path) -> None:
    classifier, talk = Classifier.load(tuned), "Ann came in and sat down. " * 500
    assert classifier.cuts(talk)
    for question in ("some mozart please", "give me a refund"):
        plain = decide(question, classifier.labels, model=str(tuned))
        behind = decide(question, classifier.labels, context=talk, model=str(tuned))
        assert behind.best == plain.best


def test_what_comes_out_is_what_runs(tuned: Path) -> None:
    classifier = Classifier.load(tuned)
    texts = ["will it be cold in paris", "give me a refund", "some mozart please"] * 20
    likely = classifier.probabilities(texts)
    assert likely.shape == (60, 3)
    assert likely.dtype == np.float32
    assert np.allclose(likely.sum(1), 1, atol=1e-5)
    said = classifier.predict(texts)[:3]
    assert [one.nearest for one in said] == ["weather", "refund", "music"]
    assert said[0].probability == pytest.approx(float(likely[0].max()))
    assert classifier.predict(["asdf qwer"])[0].probability < 0.95  # all held-out rows were right
    assert classifier.predict([]) == []
    assert classifier.predict(["", "x " * 9000])[1].nearest in classifier.labels
    with pytest.raises(UsageError, match="list of texts"):
        classifier.predict("one text")


def test_the_exported_model_answers_as_the_trained_one(tuned: Path) -> None:
    spec = json.loads((tuned / "classifier.json").read_text())
    parity = spec["scores"]["parity"]
    assert parity["n"] == spec["scores"]["n"] > 0
    assert parity["agreement"] == 1.0
    assert 0 < parity["mean_difference"] < 0.3  # int8 is near the trained weights, not equal
    assert (tuned / "model.bin").stat().st_size < 25_000_000


def test_the_trained_network_opens_again(tuned: Path, rows: Rows) -> None:
    network, files = load_network(tuned)
    ids, mask = padded(tokenised(rows.texts, files), files.pad)
    trained = network(ids, mask).detach().numpy()
    exported = Classifier.load(tuned).logits(rows.texts)
    assert np.abs(trained - exported).mean() < 0.3
    assert (trained.argmax(1) == exported.argmax(1)).mean() > 0.95


def test_texts_out_of_scope_are_rejected(tuned: Path, rows: Rows) -> None:
    classifier = Classifier.load(tuned)
    scores = evaluate_classifier(classifier, rows, OUTSIDE)
    assert scores.accuracy > 0.9
    assert scores.accuracy - scores.accuracy_with_rejection < 0.1
    outside, inside = classifier.predict(OUTSIDE), classifier.predict(rows.texts)
    assert np.mean([one.score for one in outside]) < np.mean([one.score for one in inside])
    threshold = classifier.spec.threshold
    assert threshold is not None
    for one in (*outside, *inside):
        assert one.label == (one.nearest if one.score >= threshold else None)
    assert scores.oos_recall == np.mean([one.label is None for one in outside])
    with pytest.raises(UsageError, match="knows no label 'sports'"):
        evaluate_classifier(classifier, Rows(("a",), ("sports",)))


def test_card_and_pictures_tell_how_it_was_made(tuned: Path) -> None:
    card = (tuned / "card.md").read_text()
    for said in (
        "shoal tune small.csv --name small", "seed: 1", "95 % interval", "seconds:",
        "`tensorboard --logdir tensorboard`",
    ):  # fmt: skip
        assert said in card
    for name in ("learning_curve.png", "confusion.png"):
        assert (tuned / name).read_bytes().startswith(b"\x89PNG")
    assert list((tuned / "tensorboard").glob("events.*"))
    assert not list(tuned.parent.glob(".*training"))


def test_a_damaged_file_is_noticed(tuned: Path, tmp_path: Path, home: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", tuned, copy], check=True)
    (copy / "tokenizer.json").write_text("{}")
    with pytest.raises(CorruptWeightsError, match=r"tokenizer\.json is missing, or not what"):
        Classifier.load(copy)
    with pytest.raises(UnknownNameError, match="shoal tune FILE --name NAME"):
        Classifier.load("smal")


_CHILD = """
import sys
from shoal.agents.cli import main
sys.argv = ["shoal", "tune", *sys.argv[1:]]
main()
"""


def test_a_killed_training_resumes_to_the_same_weights(
    rows: Rows, tuned: Path, tmp_path: Path, home: Path
) -> None:
    source = tmp_path / "small.csv"
    lines = [f'"{text}",{label}' for text, label in zip(rows.texts, rows.labels, strict=True)]
    source.write_text("\n".join(["text,label", *lines, *(f'"{t}",oos' for t in OUTSIDE)]))
    words = ["--name", "small", "--method", "full", "--epochs", "2", "--batch", "8", "--seed", "1"]
    words += ["--checkpoint-every", "2", "--out", str(tmp_path / "small")]
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(source), *words])
    state = tmp_path / ".small.training" / "state.safetensors"
    while not state.exists():
        assert child.poll() is None
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = Checkpoint.load(state).facts["step"]
    assert 0 < done < 18
    settings = TuneSettings(
        "small", "full", epochs=2, batch=8, seed=1, out=tmp_path / "small", resume=True, quiet=True
    )
    again = Checkpoint.load(tune_classifier(read_rows(source), settings) / "trained.safetensors")
    whole = Checkpoint.load(tuned / "trained.safetensors")
    assert set(again.tensors) == set(whole.tensors)
    for name, value in whole.tensors.items():
        # Another process may share the sums out otherwise among its threads.
        assert np.allclose(value, again.tensors[name], atol=2e-3), name


def test_ctrl_c_saves_a_checkpoint_and_says_how_to_go_on(rows: Rows, tmp_path: Path) -> None:
    settings = TuneSettings(
        "small", "lora", epochs=9, batch=4, checkpoint_every=1, out=tmp_path / "a", quiet=True
    )
    state = settings.work / "state.safetensors"
    finger = threading.Thread(target=_press_once_there, args=(state,))
    finger.start()
    with pytest.raises(RunError, match=r"interrupted at step .*shoal tune FILE .*--resume"):
        tune_classifier(rows, settings)
    finger.join()
    assert Checkpoint.load(state).facts["step"] > 0
    with pytest.raises(UsageError, match=r"of another training: .*seed differ"):
        tune_classifier(rows, TuneSettings(**{**_kept(settings), "seed": 5}))  # type: ignore[arg-type]


def test_few_rows_are_all_learnt_and_a_broken_off_training_ends_the_same(
    rows: Rows, tmp_path: Path
) -> None:
    few = rows.take(i for k in PATTERNS for i in _places(rows, k)[:9])
    fixed: dict[str, object] = {"epochs": 2, "batch": 8, "checkpoint_every": 1, "quiet": True}
    whole = tune_classifier(few, _small(tmp_path / "whole", fixed))
    card = (whole / "card.md").read_text()
    assert "then trained anew, in the same way, with these rows too" in card
    assert list((whole / "tensorboard" / "all").glob("events.*"))
    settings = _small(tmp_path / "broken", fixed)
    state = settings.work / "all" / "state.safetensors"
    finger = threading.Thread(target=_press_once_there, args=(state,))
    finger.start()
    with pytest.raises(RunError, match=r"interrupted at step .*--resume"):
        tune_classifier(few, settings)
    finger.join()
    again = tune_classifier(few, _small(tmp_path / "broken", {**fixed, "resume": True}))
    first, second = (Checkpoint.load(f / "trained.safetensors").tensors for f in (whole, again))
    assert set(first) == set(second)
    for name, value in first.items():
        assert np.allclose(value, second[name], atol=1e-5), name
    names = Rows(("refund", "weather", "music"), ("refund", "weather", "music"))
    assert evaluate_classifier(Classifier.load(again), names).accuracy == 1


def test_a_frozen_encoder_takes_seconds_and_float_weights_are_exact(
    rows: Rows, tmp_path: Path
) -> None:
    settings = TuneSettings("a", "frozen", int8=False, out=tmp_path / "a", quiet=True)
    spec = Classifier.load(tune_classifier(rows, settings)).spec
    parity = spec.scores["parity"]
    assert isinstance(parity, dict)
    assert float(str(parity["max_difference"])) < 1e-3
    assert spec.training["epochs"] == 0


def test_validation_rows_must_fit_the_training_rows(rows: Rows, tmp_path: Path) -> None:
    settings = TuneSettings("a", "frozen", out=tmp_path / "a", quiet=True)
    strange = Rows(("kick the ball", "one more"), ("sports", "music"), "val.csv")
    with pytest.raises(UsageError, match=r"val\.csv has labels that the training rows lack: 'spo"):
        tune_classifier(rows, settings, validation=strange)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "diary.txt").write_text("dear")
    with pytest.raises(UsageError, match="is not empty"):
        tune_classifier(rows, settings)


def _kept(settings: TuneSettings) -> dict[str, object]:
    return {
        "name": settings.name, "method": settings.method, "epochs": settings.epochs,
        "batch": settings.batch, "out": settings.out, "resume": True, "quiet": True,
    }  # fmt: skip


def _press_once_there(state: Path) -> None:
    while not state.exists():
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGINT)


def _places(rows: Rows, label: str) -> list[int]:
    return [place for place, own in enumerate(rows.labels) if own == label]


def _small(out: Path, fixed: dict[str, object]) -> TuneSettings:
    return TuneSettings("small", out=out, **fixed)  # type: ignore[arg-type]
