"""Rows to learn from: what is read, what is refused, and how it is split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shoal.errors import UsageError
from shoal.modalities.text.tune.data import Rows, check_rows, read_dataset, read_rows, read_texts
from shoal.modalities.text.tune.settings import TuneSettings
from shoal.modalities.text.tune.split import split_rows
from shoal.modalities.text.tune.tested import unseen
from shoal.modalities.text.tune.training import tune_classifier
from shoal.modalities.training.options import again as resuming


def _file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _rows(*pairs: tuple[str, str]) -> Rows:
    return Rows(tuple(text for text, _ in pairs), tuple(label for _, label in pairs))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"hello, you",greet\nbye,part\n'),
        ("a.csv", '\ufeffIntent,Text\r\ngreet,"hello, you"\r\npart,bye\r\n'),
        ("a.tsv", "question\tanswer\nhello, you\tgreet\nbye\tpart\n"),
        (
            "a.jsonl",
            '{"text": "hello, you", "category": "greet"}\n\n{"text": "bye", "category": "part"}',
        ),
    ],
)
def test_rows_are_read_whatever_the_format(tmp_path: Path, name: str, content: str) -> None:
    rows = read_rows(_file(tmp_path, name, content))
    assert rows.texts == ("hello, you", "bye")
    assert rows.labels == ("greet", "part")


def test_columns_can_be_named_and_a_wrong_one_says_which_there_are(tmp_path: Path) -> None:
    path = _file(tmp_path, "a.csv", "body,kind\nhello,greet\n")
    assert read_rows(path, "body", "kind").labels == ("greet",)
    with pytest.raises(UsageError, match=r"no column 'text'.*'body', 'kind'.*--text-column NAME"):
        read_rows(path)
    with pytest.raises(UsageError, match=r"no column 'sort'.*--label-column NAME"):
        read_rows(path, "body", "sort")
    assert read_texts(path, "body") == ("hello",)
    with pytest.raises(UsageError, match=r"nothing\.csv is empty: it has no header and no rows"):
        read_rows(_file(tmp_path, "nothing.csv", ""))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "text,label\nhello,a\n,b\n  ,c\n", "2 rows have an empty 'text'.*line 3, 4"),
        ("a.jsonl", '{"text": "x", "label": "a"}\n{"text": "y"}', "empty 'label'.*line 2"),
        ("a.csv", b"text,label\ncaf\xe9,a\n", "not UTF-8: line 2 holds the byte 0xe9.*iconv"),
        ("a.csv", "text,label\na,b,c\n", "line 2, has more fields"),
        ("a.jsonl", '{"text": "x"', "line 1, is not JSON"),
        ("a.jsonl", "[1]", "line 1, is no JSON object"),
        ("a.csv", "", "a.csv is empty: it has no header and no rows"),
        ("a.csv", "text,label\n", "columns but no rows: .*'text', 'label'. Add rows below it"),
        ("a.tsv", "text\tlabel", "a.tsv has columns but no rows"),
        ("a.parquet", "x", "its ending is '.parquet'.*Known: .csv"),
    ],
)
def test_bad_files_say_what_and_where(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        read_rows(_file(tmp_path, name, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        read_rows(tmp_path / "no.csv")


def test_a_dataset_folder_has_its_splits(tmp_path: Path) -> None:
    _file(tmp_path, "train.csv", "text,label\na,x\n")
    _file(tmp_path, "val.jsonl", '{"text": "b", "label": "x"}')
    found = read_dataset(tmp_path)
    assert set(found) == {"train", "validation"}
    assert found["validation"].texts == ("b",)
    (tmp_path / "train.csv").rename(tmp_path / "rows.csv")
    with pytest.raises(UsageError, match=r"has no train file.*rows\.csv"):
        read_dataset(tmp_path)


def test_rows_that_can_not_be_learnt_from_are_refused() -> None:
    one = _rows(*((f"text {i}", "same") for i in range(30)))
    with pytest.raises(UsageError, match="has one class, 'same'"):
        check_rows(one)
    with pytest.raises(UsageError, match="has 19 rows: tuning takes 20 to 100,000"):
        check_rows(one.take(range(19)))
    many = Rows(("a",) * 100_001, ("x",) * 100_001)
    with pytest.raises(UsageError, match="has 100001 rows"):
        check_rows(many)
    blank = _rows(*((" " if i == 7 else f"t {i}", str(i % 2)) for i in range(30)))
    with pytest.raises(UsageError, match=r"empty 'text'.*line 8"):
        check_rows(blank)


def test_the_split_is_stratified_whole_and_repeatable() -> None:
    rows = _rows(*((f"text {i}", "abc"[i % 3]) for i in range(90)), ("lone", "d"))
    split = split_rows(rows, fraction=0.1, seed=3)
    assert sorted(split.validation.labels) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert sorted((*split.train.texts, *split.validation.texts)) == sorted(rows.texts)
    assert split_rows(rows, fraction=0.1, seed=3) == split
    assert split_rows(rows, fraction=0.1, seed=4).validation != split.validation


def test_no_text_is_learnt_from_and_validated_on() -> None:
    rows = _rows(("Hello there", "a"), ("hello  THERE", "a"), ("bye", "b"), ("Bye", "c"))
    split = split_rows(rows, _rows(("bye", "x"), ("new", "b")))
    assert split.train.texts == ("Hello there",)
    within, across = split.notes
    assert "2 rows of the rows repeat an earlier text" in within
    assert "1 of them under another label" in within
    assert "lines 2, 4" in within
    assert "1 rows of the rows stand in the validation rows as well, 1 of them under" in across


def test_test_rows_that_were_seen_do_not_count() -> None:
    rows = Rows(("Hello", "bye", "so long"), ("a", "b", "b"), "train.csv")
    split = split_rows(rows, Rows(("ciao",), ("b",), "val.csv"))
    pairs = [("hello ", "a"), ("CIAO", "a"), ("good day", "a"), ("uh", "oos"), ("later", "c")]
    test = replace(_rows(*pairs), name="test.csv")
    kept, notes = unseen(test, split, ["a", "b"], "oos")
    assert kept is not None
    assert kept.texts == ("good day", "uh", "later")
    assert notes == (
        "2 rows of test.csv stand in train.csv or val.csv as well, 1 of them under another "
        "label: left out of the test score (lines 1, 2; the first is 'hello ')",
        "1 rows of test.csv have labels that the training rows lack ('c'): they count as wrong",
    )
    none, notes = unseen(test.take([0, 3]), split, ["a", "b"], "oos")
    assert none is None
    assert notes[-1] == "test.csv is not scored: no row in scope is left of it"


def _small(*pairs: tuple[str, str], name: str = "two.csv") -> Rows:
    return replace(_rows(*pairs), name=name)


@pytest.mark.parametrize(
    ("rows", "held", "said"),
    [
        (
            _small(*[("a", "x"), ("b", "y")] * 15),
            None,
            r"two\.csv leaves 2 rows of 2 classes .*28 rows of two\.csv repeat an earlier text",
        ),
        (
            _small(*((f"t {i}", "xy"[i % 2]) for i in range(30))),
            _small(*((f"t {i}", "xy"[i % 2]) for i in range(30))),
            r"leaves 0 rows of 0 classes .*30 rows of two\.csv stand in the validation rows as we",
        ),
        (
            _small(*((f"t {i}", "xyz"[i // 15]) for i in range(40))),
            _small(*((f"t {i}", "xyz"[i // 15]) for i in range(28, 40)), name="val.csv"),
            r"val\.csv has labels that the .*lack: 'z'; 12 rows of two\.csv stand in val\.csv",
        ),
        (
            _small(*((f"t {i}", "xy"[i // 25]) for i in range(30))),
            _small(*((f"t {i}", "xy"[i // 25]) for i in range(25, 30)), name="val.csv"),
            r"two\.csv leaves 25 rows of 1 classes .*: 5 rows of two\.csv stand in val\.csv",
        ),
    ],
)
def test_what_copies_leave_is_checked_and_they_are_named(
    rows: Rows, held: Rows | None, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = TuneSettings("a", "frozen", out=tmp_path / "a", quiet=True)
    with pytest.raises(UsageError, match=said):
        tune_classifier(rows, settings, validation=held)
    assert capsys.readouterr().err.startswith("Note: ")


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong, said in (
        ({"batch": 0, "epochs": 0}, "epochs and batch must be 1 or more"),
        ({"held_out": 1.0}, "held_out must lie"),
        ({"learning_rate": -1.0}, "learning_rate must be above 0"),
        ({"in_scope_loss": 1.0}, "in_scope_loss must be"),
        ({"seed": -1}, "seed must be 0"),
    ):
        with pytest.raises(UsageError, match=said):
            TuneSettings("a", **wrong)
    with pytest.raises(UsageError, match="did you mean 'lora'"):
        TuneSettings("a", method="lorra")
    with pytest.raises(UsageError, match="can't be a name"):
        TuneSettings("../a")


def test_settings_say_what_to_type_again() -> None:
    chosen = TuneSettings("a", "lora", "my encoder", batch=8, patience=2, int8=False, seed=3)
    typed = "--name a --method lora --model 'my encoder' --batch 8 --patience 2 --no-int8 --seed 3"
    assert chosen.command("my rows.csv") == f"shoal tune 'my rows.csv' {typed}"
    with_more = chosen.command("a.csv", "--val 'b c.csv'")
    assert with_more.endswith("--patience 2 --val 'b c.csv' --no-int8 --seed 3")
    assert resuming("shoal tune a.csv", Path("d e")) == "shoal tune a.csv --out 'd e' --resume"
    assert resuming("shoal tune a.csv", None) == "shoal tune a.csv --resume"
    again = TuneSettings("b", "lora", "my encoder", batch=8, patience=2, seed=3, quiet=True)
    assert again.shaping() == chosen.shaping()
    assert replace(again, patience=3).shaping() != chosen.shaping()
