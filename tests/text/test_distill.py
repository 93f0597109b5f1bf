"""Students that are really distilled, from the real encoder tuned on authored rows."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shoal.errors import RunError, UnknownNameError, UsageError
from shoal.modalities.text.distill import (
    RECIPES,
    DistillSettings,
    distill,
    distilling,
    open_teacher,
)
from shoal.modalities.text.distill.augment import altered, read_unlabelled
from shoal.modalities.text.distill.guide import guide_of
from shoal.modalities.text.distill.job import DistillJob, layer_loss
from shoal.modalities.text.distill.shrink import smaller, taken, taught_by
from shoal.modalities.text.distill.student import layers_of, make_student
from shoal.modalities.text.distill.targets import ask
from shoal.modalities.text.distill.teachers import ClassifierTeacher, DecisionTeacher, Floats
from shoal.modalities.text.tune import Classifier, Rows, TuneSettings, tune_classifier
from shoal.modalities.text.tune.artifact import load_network
from shoal.modalities.text.tune.examples import tokenised
from shoal.modalities.text.tune.network import padded
from shoal.modalities.text.tune.split import same
from shoal.modalities.training.answers import Asking
from tests.text.authored import OUTSIDE, PATTERNS, requests

ROWS = requests()


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("teacher") / "big"
    settings = TuneSettings("big", "frozen", held_out=0.2, out=out, quiet=True)
    return tune_classifier(ROWS, settings, oos=OUTSIDE)


def _settings(out: Path, size: str, **more: Any) -> DistillSettings:
    given: dict[str, Any] = {"copies": 1, "batch": 16, "held_out": 0.2, "quiet": True, **more}
    return DistillSettings(out.name, size, out=out, **given)


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_a_student_learns_and_runs_like_any_classifier(
    size: str, teacher: Path, tmp_path: Path
) -> None:
    rows = Rows((*ROWS.texts, *OUTSIDE), (*ROWS.labels, *(["oos"] * len(OUTSIDE))), "small.csv")
    out = tmp_path / f"student-{size}"
    folder = distill(rows, str(teacher), _settings(out, size, epochs=5))
    student = Classifier.load(folder)
    assert student.labels == Classifier.load(teacher).labels
    asked = ["will it be cold in paris", "give me a refund", "some mozart please"]
    assert [one.nearest for one in student.predict(asked)] == ["weather", "refund", "music"]
    again = Classifier.load(folder)
    assert np.array_equal(student.logits(asked), again.logits(asked))
    spec = json.loads((folder / "classifier.json").read_text())
    assert spec["scores"]["parity"]["agreement"] == 1.0
    assert spec["training"]["method"] == "distilled"
    told = spec["scores"]["comparison"]
    assert told["teacher"]["n"] == told["student"]["n"] == spec["scores"]["n"]
    assert told["student"]["parameters"] < told["teacher"]["parameters"]
    assert told["student"]["bytes"] < told["teacher"]["bytes"]
    assert told["retention"] > 0.8
    assert told["speedup_1"] > 0
    card = (folder / "card.md").read_text()
    assert "distilled from big" in card
    assert card.index("| big | ") < card.index(f"| student-{size} | ")
    losses = [
        json.loads(line[2:])["train_loss"] for line in card.splitlines() if line.startswith("- {")
    ]
    assert losses[-1] < losses[0]
    assert not (folder / "trained.safetensors").exists()
    assert list((folder / "tensorboard").glob("events.*"))
    assert not folder.with_name(f".{folder.name}.training").exists()


def test_a_teacher_without_its_layers_teaches_by_its_answers(teacher: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(teacher, bare, ignore=shutil.ignore_patterns("trained.safetensors"))
    answers = open_teacher(str(bare), ())
    assert isinstance(answers, ClassifierTeacher)
    assert answers.trained is None
    folder = distill(ROWS, answers, _settings(tmp_path / "student", "tiny", epochs=1, copies=0))
    said, taught = answers.logits(ROWS.texts), Classifier.load(folder).logits(ROWS.texts)
    assert (said.argmax(1) == taught.argmax(1)).mean() > 0.9


def _stop_of_its_own(patch: pytest.MonkeyPatch) -> threading.Event:
    """The event that Ctrl-C would set."""
    stop = threading.Event()
    patch.setattr(distilling, "stop_on_interrupt", lambda: nullcontext(stop))
    return stop


class Rule:
    """A teacher that is neither tuned nor a model; `second` is called at its second answer."""

    name = "rule"
    labels: tuple[str, ...] = tuple(sorted(PATTERNS))

    def __init__(self, second: Callable[[], None] | None = None) -> None:
        self.asked, self.second = 0, second

    def logits(self, texts: Sequence[str]) -> Floats:
        self.asked += len(texts)
        if self.second and self.asked == 2 * len(texts):
            self.second()
        marks = (("play", "music", "hear"), ("money", "refund", "cash"), ("rain", "sunny", "cast"))
        counts = [[sum(mark in text for mark in own) for own in marks] for text in texts]
        return 4 * np.array(counts, dtype=np.float32)


def test_a_teacher_is_anything_that_gives_probabilities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ["please turn the music up", "is it sunny outside", ROWS.texts[0].upper()]
    settings = _settings(tmp_path / "ruled", "tiny", copies=None, epochs=6)
    with monkeypatch.context() as patch:
        stop = _stop_of_its_own(patch)
        with pytest.raises(RunError, match="interrupted after 16 of"):
            distill(ROWS, Rule(stop.set), settings, unlabelled=more)
    rule = Rule()
    folder = distill(ROWS, rule, replace(settings, resume=True), unlabelled=more)
    held = json.loads((folder / "classifier.json").read_text())["scores"]["n"]
    # The third text is one of the rows; the held-out rows are asked again to be compared.
    assert rule.asked == len(ROWS) + 2 - 16 + held
    assert held > 0
    assert Classifier.load(folder).predict(["any refund"])[0].nearest == "refund"
    assert "not compared" in (folder / "card.md").read_text()


def test_answers_of_a_slow_teacher_are_kept(tmp_path: Path) -> None:
    guide = guide_of(Rule(), "minilm-l6")
    ids = tokenised(ROWS.texts, guide.files)
    asking = Asking(
        tmp_path / "targets.safetensors", "the same", "asking", "shoal distill … --resume", True
    )
    stop = threading.Event()
    with pytest.raises(RunError, match=r"interrupted after 16 of 63 answers.*--resume"):
        ask(Rule(stop.set), guide, ROWS.texts, ids, asking, stop)
    rule = Rule()
    whole = ask(rule, guide, ROWS.texts, ids, asking, threading.Event())
    assert rule.asked == len(ROWS) - 16
    assert np.array_equal(whole.logits.numpy(), Rule().logits(ROWS.texts))
    other = Rule()
    ask(other, guide, ROWS.texts, ids, replace(asking, identity="x"), threading.Event())
    assert other.asked == len(ROWS)


def test_interrupted_and_resumed_it_ends_the_same(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = distill(ROWS, str(teacher), _settings(tmp_path / "whole", "small", epochs=2, copies=0))
    settings = _settings(tmp_path / "broken", "small", epochs=2, copies=0)
    learn, steps = DistillJob.loss, []

    def interrupted(self: DistillJob, batch: Any) -> torch.Tensor:
        steps.append(batch)
        if len(steps) == 3:
            stop.set()
        return learn(self, batch)

    with monkeypatch.context() as patch:
        stop = _stop_of_its_own(patch)
        patch.setattr(DistillJob, "loss", interrupted)
        with pytest.raises(RunError, match=r"interrupted at step 2 of 8.*--resume"):
            distill(ROWS, str(teacher), settings)
    with pytest.raises(UsageError, match="another training: batch differ"):
        distill(ROWS, str(teacher), replace(settings, batch=8, resume=True))
    resumed = distill(ROWS, str(teacher), replace(settings, resume=True))
    assert (resumed / "model.bin").read_bytes() == (whole / "model.bin").read_bytes()


def test_wrong_use_says_what_to_type(teacher: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"'tin'.*did you mean 'tiny'.*--size tiny"):
        DistillSettings("a", "tin")
    with pytest.raises(UsageError, match="can't be a name"):
        DistillSettings("no good")
    settings = _settings(tmp_path / "none", "tiny")
    strange = Rows(ROWS.texts, tuple(f"my {label}" for label in ROWS.labels), "other.csv")
    with pytest.raises(UsageError, match=r"does not know the labels.*'my music'.*shoal tune"):
        distill(strange, str(teacher), settings)
    with pytest.raises(UsageError, match="has 0 rows"):
        distill(Rows((), (), "empty.csv"), str(teacher), settings)
    with pytest.raises(UsageError, match=r"no checkpoint.*without --resume"):
        distill(ROWS, str(teacher), replace(settings, resume=True))
    with pytest.raises(UnknownNameError, match=r"unknown teacher 'smolm2-135m'.*smollm2-135m"):
        open_teacher("smolm2-135m", ("a", "b"))
    lonely = Rows(ROWS.texts[:20], tuple(f"label {i}" for i in range(20)), "lonely.csv")
    rule = Rule()
    rule.labels = lonely.labels
    with pytest.raises(UsageError, match="fewer than two classes"):
        distill(lonely, rule, settings)
    (tmp_path / "blank.txt").write_text("\n \n")
    with pytest.raises(UsageError, match="holds no text"):
        read_unlabelled(tmp_path / "blank.txt")
    assert not (tmp_path / "none").exists()


def test_a_generator_teaches_by_the_names_of_the_classes() -> None:
    labels = ("play_music", "weather_forecast")
    teacher = open_teacher("smollm2-135m", labels)
    assert isinstance(teacher, DecisionTeacher)
    logits = teacher.logits(["Will it rain in Oslo tomorrow?", "I want to hear some jazz songs"])
    assert logits.shape == (2, 2)
    assert np.allclose(np.exp(logits).sum(1), 1, atol=1e-4)
    assert logits[0, 1] - logits[1, 1] > 0


def test_layers_are_taken_and_neurons_kept_by_weight(teacher: Path) -> None:
    network, _ = load_network(teacher)
    whole = network.transformer
    same_size = smaller(whole, 6, 1536).eval()
    ids, mask = torch.tensor([[101, 2054, 102]]), torch.ones((1, 3), dtype=torch.int64)
    said = whole(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.allclose(same_size(input_ids=ids, attention_mask=mask).last_hidden_state, said)
    small = smaller(whole, 2, 100)
    assert (small.config.num_hidden_layers, small.config.intermediate_size) == (2, 100)
    theirs, own = whole.encoder.layer[3], small.encoder.layer[1]
    assert torch.equal(own.attention.self.query.weight, theirs.attention.self.query.weight)
    rows, columns = own.intermediate.dense.weight, own.output.dense.weight
    kept = [int((theirs.intermediate.dense.weight == row).all(1).nonzero()) for row in rows]
    assert torch.equal(columns, theirs.output.dense.weight[:, kept])
    norms = theirs.intermediate.dense.weight.norm(dim=1) * theirs.output.dense.weight.norm(dim=0)
    assert set(kept) == set(norms.topk(100).indices.tolist())
    assert (taken(6, 2), taught_by(6, 2), taught_by(6, 1)) == ([0, 3], [3, 6], [6])


def test_a_static_student_starts_near_its_teacher(teacher: Path) -> None:
    guide = guide_of(open_teacher(str(teacher), ()), "minilm-l6")
    ids = tokenised(ROWS.texts, guide.files)
    head, bias = guide.head
    logits = guide.vectors(ids) @ head + bias
    student = make_student(guide, RECIPES["tiny"], ids, logits).eval()
    tokens, mask = padded(ids, guide.files.pad)
    with torch.no_grad():
        first = student(tokens, mask)
        assert (first.argmax(1) == logits.argmax(1)).float().mean() > 0.9
        student.body.change.normal_()
        moved = student(tokens, mask)
        count = student.parameter_count()
        folded = student.merged()(tokens, mask)
    assert torch.allclose(folded, moved, atol=1e-3)
    assert not torch.allclose(folded, first, atol=1e-1)
    assert count == student.parameter_count()


def test_the_layers_loss_is_nothing_for_the_same_layers(teacher: Path) -> None:
    guide = guide_of(open_teacher(str(teacher), ()), "minilm-l6")
    ids = tokenised(ROWS.texts[:4], guide.files)
    recipe = replace(RECIPES["medium"], layers=6, inner=1536)
    student = make_student(guide, recipe, ids, torch.zeros(4, 3)).eval()
    tokens, mask = padded(ids, guide.files.pad)
    guide.network.transformer.set_attn_implementation("eager")
    said = guide.network.transformer(
        input_ids=tokens, attention_mask=mask, output_hidden_states=True, output_attentions=True
    )
    hidden, attentions = layers_of(said)
    assert len(attentions) == 6
    with torch.no_grad():
        own = student.traced(tokens, mask, layers=True)
        assert len(own.attentions) == 6
        assert float(layer_loss(own, hidden, attentions, mask)) < 1e-6
        student.body.encoder.layer[2].attention.self.query.weight.mul_(-1)
        other = student.traced(tokens, mask, layers=True)
        assert float(layer_loss(other, hidden, attentions, mask)) > 1e-3


def test_copies_are_new_and_the_same_for_a_seed() -> None:
    made = altered(ROWS.texts, 3, 1, avoid=["play some"])
    assert made == altered(ROWS.texts, 3, 1, avoid=["play some"])
    assert made != altered(ROWS.texts, 3, 2)
    plain = [same(text) for text in made]
    assert len(set(plain)) == len(plain) > 2 * len(ROWS)
    assert not {*plain} & {same(text) for text in (*ROWS.texts, "play some")}
    assert altered(["one"], 5, 0, avoid=["one one"]) == []
