"""Conversations to tune on: what is read, what is refused, and what is held out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shoal.errors import UsageError
from shoal.modalities.text.tune.generator_data import (
    Dialogues,
    check_dialogues,
    read_dialogues,
)
from shoal.modalities.text.tune.generator_split import split_dialogues
from tests.commands import shoal


def _turns(question: str, answer: str) -> tuple[dict[str, str], ...]:
    return ({"role": "user", "content": question}, {"role": "assistant", "content": answer})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.csv",
            "prompt,label\nhi,x\n",
            "no column 'response'.*Rename the column that holds the answers to 'response'$",
        ),
        ("a.csv", "prompt,response\n", "a.csv has columns but no rows"),
        ("a.csv", "prompt,response\nhi,\n", "line 2, has no text in 'response'"),
        ("a.jsonl", '{"messages": []}', "expected a list"),
        ("a.jsonl", '{"messages": [{"role": "user", "content": "hi"}]}', "has to be the assist"),
        ("a.jsonl", '{"messages": [{"role": "bot", "content": "hi"}]}', "role 'bot' is none of"),
        ("a.jsonl", '{"messages": [{"role": "user", "content": ""}]}', "content is empty"),
        (
            "a.jsonl",
            '{"messages": [{"role": "assistant", "content": "a"}]}',
            "have to take turns",
        ),
        ("a.jsonl", "{nonsense", "line 1, is not JSON"),
        ("a.txt", "hi", "its ending is"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        read_dialogues(tmp_path / name)


def test_columns_and_messages_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('system,question,answer\nBe brief.,"Hi, you",Hello\n')
    turns = [{"role": "system", "content": "Be brief."}, *_turns("Hi, you", "Hello")]
    (tmp_path / "b.jsonl").write_text(json.dumps({"messages": turns}))
    assert read_dialogues(tmp_path / "a.csv").turns == (tuple(turns),)
    assert read_dialogues(tmp_path / "b.jsonl").turns == (tuple(turns),)


def test_a_memory_is_no_file_of_rows(tmp_path: Path) -> None:
    (tmp_path / "memory.jsonl").write_text(json.dumps({"kind": "run", "data": {}}))
    with pytest.raises(UsageError, match="shoal export sft"):
        read_dialogues(tmp_path / "memory.jsonl")
    with pytest.raises(UsageError, match=r"has 0 conversations: tuning .* 10 to 100,000"):
        check_dialogues(Dialogues((), "rows.csv"))


def test_no_question_is_on_both_sides() -> None:
    asked = [("a?", "1"), ("A ?", "2"), ("a?", "2"), ("a?", "1"), ("b?", "1"), ("c?", "1")]
    rows = Dialogues(tuple(_turns(*pair) for pair in asked), "rows.csv")
    split = split_dialogues(rows, None, 0.3, seed=0)
    sides = [
        {turns[0]["content"] for turns in part.turns} for part in (split.train, split.validation)
    ]
    assert not sides[0] & sides[1]
    assert split.notes == (
        "1 conversations repeat an earlier one of rows.csv: left out of training (lines 4)",
    )
    own = split_dialogues(rows, rows.take([4]), 0.3, seed=0)
    assert "ask what rows.csv asks as well" in own.notes[1]
    assert all(turns[0]["content"] != "b?" for turns in own.train.turns)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--generator", "--method", "lora"), "--method is for classifiers"),
        (("--base", "smollm2-135m"), "--base is for generators"),
        (("--generator",), "has no column 'response'"),
        (("--generator", "--quantize", "q9"), "unknown quantisation 'q9'"),
    ],
)
def test_wrong_use_of_the_command_is_told(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "rows.csv").write_text("prompt,label\nhi,x\n")
    done = shoal("tune", tmp_path / "rows.csv", "--name", "n", *words)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
