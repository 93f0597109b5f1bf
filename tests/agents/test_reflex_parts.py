"""Parts of reflexes by themselves: what a head believes, and envs that are used again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from shoal.agents.reflexes import heads
from shoal.agents.reflexes.acting import actor
from shoal.agents.reflexes.belief import Belief
from shoal.agents.reflexes.features import read, read_many
from shoal.agents.reflexes.heads import Tier
from shoal.types import ImageRef, Task

ENV = "BabyAI-GoToLocal-v0"


def _clusters(count: int, each: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(0)
    centres = random.normal(size=(count, 24))
    labels = np.repeat(np.arange(count), each)
    rows = centres[labels] + 0.5 * random.normal(size=(len(labels), 24))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


def test_what_was_never_taught_is_believed_less(tmp_path: Path) -> None:
    rows, labels = _clusters(6, 60)
    taught = labels < 5
    fitted = heads.fit(rows[taught], labels[taught], 5, 0, compare=True)
    floor = np.quantile(fitted.scores, 0.06)
    best, own = fitted.tier.score(rows[taught])
    _, strange = fitted.tier.score(rows[~taught])
    assert (best == labels[taught]).mean() > 0.95
    assert (own >= floor).mean() > 0.9
    assert (strange >= floor).mean() < 0.1
    assert (fitted.strange >= floor).mean() < 0.1  # left-out classes told so beforehand
    assert (fitted.tier.belief.weights >= 0).all()
    fitted.tier.save(tmp_path / "deep.safetensors")
    loaded = Tier.load(tmp_path / "deep.safetensors", 5, 24, 0.5)
    np.testing.assert_array_equal(loaded.score(rows)[1], fitted.tier.score(rows)[1])


def test_a_quicker_heads_word_counts(tmp_path: Path) -> None:
    rows, labels = _clusters(6, 60)
    taught = labels < 5
    blurred = rows[:, :12] / np.linalg.norm(rows[:, :12], axis=1, keepdims=True)
    quick = heads.fit(blurred[taught], labels[taught], 5, 0, compare=False)
    assert sum(len(said) for said in quick.odds) == 2 * taught.sum()
    deep = heads.fit(rows[taught], labels[taught], 5, 0, compare=True, odds=quick.odds)
    assert deep.tier.belief.weights[-1] > 0
    said = quick.tier.shown.odds(blurred)
    best, sure = deep.tier.score(rows, said)
    against = np.where(np.arange(5) == best[:, None], said - 5, said)
    assert (deep.tier.score(rows, against)[1] < sure).all()
    deep.tier.save(tmp_path / "deep.safetensors")
    loaded = Tier.load(tmp_path / "deep.safetensors", 5, 24, 0.5)
    np.testing.assert_array_equal(loaded.score(rows, said)[1], sure)


def test_a_head_of_an_older_file_says_what_it_said(tmp_path: Path) -> None:
    rows, labels = _clusters(4, 20)
    tier = heads.fit(rows, labels, 4, 0, compare=True).tier
    curve = np.append(tier.belief.weights[:7], tier.belief.bias)
    tier.save(tmp_path / "deep.safetensors")
    held = load_file(tmp_path / "deep.safetensors")
    for name in ("usual", "centre", "whitening", "means"):
        del held[name]
    save_file({**held, "belief": curve}, tmp_path / "deep.safetensors")
    best, sure = Tier.load(tmp_path / "deep.safetensors", 4, 24, 0.5).score(rows)
    features = tier.shown.features(rows)[1][:, :7]
    np.testing.assert_allclose(sure, Belief(curve[:-1], float(curve[-1]))(features))
    np.testing.assert_array_equal(best, tier.score(rows)[0])


def test_a_class_of_few_rows_is_no_trouble() -> None:
    rows, labels = _clusters(3, 20)
    kept = (labels > 0) | (np.arange(len(labels)) < 2)  # in some fold it has one row, or none
    fitted = heads.fit(rows[kept], labels[kept], 3, 0, compare=True)
    assert np.isfinite([*fitted.scores, *fitted.strange]).all()


def test_two_classes_can_be_told_apart() -> None:
    rows, labels = _clusters(2, 30)
    fitted = heads.fit(rows, labels, 2, 0, compare=False)
    assert fitted.taken_in() is None
    assert (fitted.tier.score(rows)[0] == labels).mean() > 0.95


def test_an_env_that_is_used_again_begins_anew() -> None:
    used, tasks = actor(ENV, 0.0), []
    assert used is not None
    for seed, goal in ((3, "go to the red ball"), (4, "go to a door"), (5, "go to a key")):
        tasks.append(Task(goal, env=ENV, seed=seed))
    played = [used.play(task) for task in (*tasks, *tasks)]
    assert played[:3] == played[3:]
    for task, episode in zip(tasks, played, strict=False):
        alone = actor(ENV, 0.0)
        assert alone is not None
        assert alone.play(task) == episode


def _no_picture(image: ImageRef) -> str:
    raise AssertionError(f"nothing shows {image}")


def test_requests_in_hashed_words_are_fitted_as_if_they_were_written_out() -> None:
    asked = [f"please {verb} order {n}" for n in range(40) for verb in ("stop", "track", "refund")]
    tasks, labels = [Task(text) for text in asked], np.arange(len(asked)) % 3
    dense, hashed = read(tasks, "quick", _no_picture), read_many(tasks, "quick", _no_picture)
    np.testing.assert_array_equal(np.asarray(hashed[labels == 1]), dense[labels == 1])
    np.testing.assert_allclose(hashed[10:20].sum(0), dense[10:20].sum(0), rtol=1e-6)
    same, less = (heads.fit(rows, labels, 3, 0, compare=False) for rows in (dense, hashed))
    np.testing.assert_allclose(less.scores, same.scores, atol=1e-4)
    np.testing.assert_allclose(less.strange, same.strange, atol=1e-4)
