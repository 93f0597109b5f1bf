"""Training the call encoder for some steps: it learns, saves, and runs the same in OpenVINO."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from shoal.agents.cli.app import app
from shoal.errors import CorruptWeightsError, UsageError
from shoal.modalities.text.calls.adapter import SHIPPED, Adapter
from shoal.modalities.text.calls.base import tokenizer_of, weights_of
from shoal.modalities.text.calls.cases import read_cards, read_cases
from shoal.modalities.text.calls.decoding import reading
from shoal.modalities.text.calls.drills import drawn, read_drills
from shoal.modalities.text.calls.engine import call_reader
from shoal.modalities.text.calls.layout import pages, read_request
from shoal.modalities.text.calls.lessons import Lessons, read_lessons
from shoal.modalities.text.calls.mixing import mixed, opinion
from shoal.modalities.text.calls.module import adapter_of, padded
from shoal.modalities.text.calls.samples import Sampler
from shoal.modalities.text.calls.scoring import PageScores
from shoal.modalities.text.calls.slots import slots
from shoal.modalities.text.calls.targets import page_target
from shoal.modalities.text.calls.train import CallJob, CallSettings, train_calls
from shoal.modalities.text.calls.variation import Exchange, renumbered
from shoal.modalities.text.calls.zero_shot.engine import zero_shot_reader

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
CARDS = read_cards(BENCHMARKS / "cards" / "science_1.jsonl")[:9]
LESSONS = Lessons(tuple(CARDS))
DRILLS = read_lessons(BENCHMARKS / "cards").domains
CASES = read_cases(BENCHMARKS / "cases" / "authored.jsonl")[:6]


def test_all_cards_are_well_formed_and_their_values_stand_in_the_request() -> None:
    cards = read_cards(BENCHMARKS / "cards")
    tokenizer, aligned, slots = tokenizer_of(weights_of("minilm-l6")), 0, 0
    for card in cards[::12]:
        for text, calls in card.requests:
            request = read_request(tokenizer, text)
            for page in pages(tokenizer, request, card.function):
                target = page_target(page, request, card.function, calls)
                aligned += len(target.spans) + len(target.options)
                slots += len(page.slots)
    assert len(cards) > 700
    assert aligned / slots > 0.95


def test_samples_are_varied_but_right() -> None:
    samples = Sampler(CARDS, Random(0)).epoch()
    assert [s.request for s in samples] == [s.request for s in Sampler(CARDS, Random(0)).epoch()]
    assert any(not sample.calls for sample in samples)
    assert any(len(sample.functions) > 1 for sample in samples)
    for sample in samples:
        offered = {function["name"] for function in sample.functions}
        assert {name for name, _ in sample.calls} <= offered


def test_drills_say_their_values() -> None:
    random, tokenizer = Random(0), tokenizer_of(weights_of("minilm-l6"))
    aligned = slots = 0
    for _ in range(150):
        drill = drawn(random.choice(DRILLS), random)
        for call in drill.calls:
            assert set(call) <= set(drill.function["parameters"]["properties"])
        request = read_request(tokenizer, drill.request)
        for page in pages(tokenizer, request, drill.function):
            target = page_target(page, request, drill.function, drill.calls)
            aligned += len(target.spans) + len(target.options)
            slots += len(page.slots)
    assert aligned / slots > 0.97
    samples = Sampler(CARDS, Random(0), DRILLS[:3]).epoch()
    assert len(samples) > len(Sampler(CARDS, Random(0)).epoch())


def test_some_drills_ask_for_several_calls() -> None:
    random = Random(0)
    counts = {len(drawn(random.choice(DRILLS), random).calls) for _ in range(200)}
    assert counts == {1, 2, 3}


def test_a_broken_file_of_drills_is_named(tmp_path: Path) -> None:
    (tmp_path / "drills.toml").write_text("[[domain]]\nname = 'x'\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"drills\.toml"):
        read_drills(tmp_path / "drills.toml")


def test_a_number_changes_in_request_and_call_alike() -> None:
    for seed in range(20):
        text, calls = renumbered("add 17 and 4.5", [{"a": 17, "b": 4.5}], Random(seed))
        assert str(calls[0]["a"]) in text
        assert calls[0]["b"] == 4.5


def test_a_text_is_exchanged_in_request_and_call_alike() -> None:
    cards, changed = read_cards(BENCHMARKS / "cards" / "third_life_1.jsonl"), 0
    exchange, random = Exchange(cards), Random(0)
    for card in cards:
        for request, calls in card.requests:
            text, asked = exchange(card, request, calls, random)
            changed += text != request
            assert len(asked) == len(calls)
            for old, new in zip(calls, asked, strict=True):
                for name, value in new.items():
                    assert value == old[name] or str(value) in text or isinstance(value, list)
    assert changed > len(cards) / 4


def test_training_adds_the_opinion_that_running_adds() -> None:
    card = CARDS[0]
    text, function = card.requests[0][0], card.function
    request = read_request(tokenizer_of(weights_of("minilm-l6")), text)
    listed = slots(function["parameters"])
    page = pages(tokenizer_of(weights_of("minilm-l6")), request, function)[0]
    prior = zero_shot_reader().reading(text, function)
    n = len(request.ids)
    zeros = PageScores(0.0, 0.0, np.zeros((len(page.slots), n, n)), np.zeros(len(page.options)))
    running = mixed(reading(request, listed, [page], [zeros]), prior)
    spans, options = opinion(request, page, listed, prior)
    added = replace(zeros, spans=spans, options=options)
    training = reading(request, listed, [page], [added])
    for slot in listed:
        best = running.found[slot.path][0]
        assert training.found[slot.path][0].logit == pytest.approx(best.logit)


def test_the_loss_falls_and_the_saved_adapter_reads_the_same(tmp_path: Path) -> None:
    settings = CallSettings(tmp_path / "calls.safetensors", epochs=1, learning_rate=2e-3)
    job = CallJob(LESSONS, CASES, settings)
    batch = job.batches(0)[0]
    before = float(job.loss(batch).detach())
    about = train_calls(LESSONS, CASES, settings)
    assert about["cards"] == len(CARDS)
    assert list(settings.logs.glob("events.*"))
    assert not settings.work.exists()
    loaded = Adapter.load(settings.out)
    assert loaded.about["validation"]
    reader = call_reader(settings.out)
    offers = reader.read("what is 18% of 2,450?", [CARDS[0].function])
    assert offers[0].name == CARDS[0].function["name"]

    trained = CallJob(LESSONS, CASES, settings)
    for _ in range(3):
        for group in [trained.batches(0)[0]]:
            loss = trained.loss(group)
            loss.backward()
            for parameter in trained.weights().values():
                if parameter.grad is not None:
                    parameter.data -= 0.05 * parameter.grad
                    parameter.grad = None
    assert float(trained.loss(batch).detach()) < before
    made = adapter_of(trained.module)
    Adapter(made.updates, made.markers, made.heads, {}).save(tmp_path / "steps.safetensors")
    saved = call_reader(tmp_path / "steps.safetensors").read("add 3 and 4", [CARDS[0].function])
    fresh = trained.reader().read("add 3 and 4", [CARDS[0].function])
    assert saved[0].logit == pytest.approx(fresh[0].logit, abs=0.05)


def test_a_training_starts_from_an_adapter(tmp_path: Path) -> None:
    settings = CallSettings(tmp_path / "calls.safetensors", model=SHIPPED)
    made, shipped = adapter_of(CallJob(LESSONS, CASES, settings).module), Adapter.load(SHIPPED)
    assert made.heads.keys() == shipped.heads.keys()
    assert np.array_equal(made.markers, shipped.markers)
    assert made.updates.keys() == shipped.updates.keys()
    for name, (down, up) in shipped.updates.items():
        assert np.array_equal(made.updates[name][0], down)
        assert np.array_equal(made.updates[name][1], up)
    narrow = {name: (down[:3], up[:, :3]) for name, (down, up) in shipped.updates.items()}
    Adapter(narrow, shipped.markers, shipped.heads, {}).save(tmp_path / "narrow.safetensors")
    other = replace(settings, model=tmp_path / "narrow.safetensors")
    with pytest.raises(UsageError, match="its shapes are not those of today"):
        CallJob(LESSONS, CASES, other)
    with pytest.raises(CorruptWeightsError, match="cannot read the call encoder"):
        CallJob(LESSONS, CASES, replace(settings, model=tmp_path / "none.safetensors"))


def test_pages_are_encoded_alike_whether_padded_or_not() -> None:
    job = CallJob(LESSONS, CASES, CallSettings(Path("x")))
    job.module.eval()
    request = read_request(job.tokenizer, "what is 18% of 2,450?")
    made = [page for card in CARDS[:5] for page in pages(job.tokenizer, request, card.function)]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=job.low):
        together = job.module.each_hidden(made)
        alone = [job.module.hidden(*padded([page]))[0].float() for page in made]
    for page, one, other in zip(made, together, alone, strict=True):
        assert torch.allclose(one[: len(page.ids)], other[: len(page.ids)], atol=0.05)


def test_too_few_cards_and_strange_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too few"):
        CallJob(Lessons((CARDS[0],)), CASES, CallSettings(tmp_path / "x"))
    cards = str(BENCHMARKS / "cards" / "science_1.jsonl")
    made = CliRunner().invoke(app, ["tune", cards, "--calls", "--name", "x"])
    assert made.exit_code != 0
