"""The expert on the demo's pictures: what it claims, what it shows, what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from shoal.modalities.vision import Label, VisionExpert, load_image
from shoal.modalities.vision.read.answering import is_question, wants_text
from shoal.modalities.vision.wording import describe, memory_text, with_article
from shoal.types import Context, Expert, ImageRef, Status, Task, Value

ASSETS = Path(__file__).parents[2] / "agents/demo/assets"


def _task(text: str, *names: str) -> Task:
    references = []
    for name in names:
        loaded = load_image(ASSETS / name)
        references.append(ImageRef(loaded.sha256, loaded.media_type, loaded.width, loaded.height))
    return Task(text, images=tuple(references))


def _context(skill: str = "", lines: list[str] | None = None) -> Context:
    files = {load_image(path).sha256: path for path in ASSETS.iterdir() if path.suffix in IMAGES}

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the vision expert calls no tools and makes no envs")

    return Context(
        tools={},
        call_tool=refuse,  # type: ignore[arg-type]
        image_path=lambda reference: str(files[reference.sha256]),
        artifacts_dir="",
        make_env=refuse,
        skill=skill,
        emit=(lines if lines is not None else []).append,
    )


IMAGES = (".jpg", ".png")


@pytest.fixture(scope="module")
def expert() -> VisionExpert:
    return VisionExpert()


def test_affordance(expert: VisionExpert) -> None:
    assert isinstance(expert, Expert)
    assert expert.name == "vision"
    assert expert.affordance(Task("what is this?"), _context()) == 0
    assert expert.affordance(_task("what is this?", "cat.jpg"), _context()) == 1


def test_a_clear_photo(expert: VisionExpert) -> None:
    emitted: list[str] = []
    outcome = expert.attempt(_task("What is in this photo?", "cat.jpg"), _context(lines=emitted))
    assert outcome.status is Status.SOLVED
    assert outcome.answer is not None
    assert outcome.answer.text.startswith("an Egyptian cat (0.")
    assert "; also tiger cat" in outcome.answer.text
    assert outcome.answer.provenance == "image"
    assert outcome.evidence["top1"] == "Egyptian cat"
    assert outcome.evidence["probability"] == outcome.confidence > 0.5
    assert outcome.evidence["margin"] > 0.3
    assert [step.kind for step in outcome.steps] == ["encoder"]
    assert outcome.steps[0].result.provenance == "image"
    assert outcome.cost.seconds > 0
    assert emitted == ["looking at image 1 of 1"]


def test_what_is_remembered(expert: VisionExpert) -> None:
    task = _task("read the sign", "sign.png", "cat.jpg")
    outcome = expert.attempt(task, _context())
    sign, cat = outcome.remember
    assert cat["text"] == "photo of an Egyptian cat"
    assert sign["text"].startswith("picture, perhaps of a")
    assert "words: HARBOUR LIBRARY / Open 9:30" in sign["text"]
    assert sign["data"]["sha256"] == task.images[0].sha256
    assert sign["data"]["words"][0] == "HARBOUR LIBRARY"
    assert cat["data"]["kind"] == "image"
    assert cat["data"]["labels"][0]["name"] == "Egyptian cat"
    assert json.loads(json.dumps(outcome.remember)) == list(outcome.remember)


@pytest.mark.parametrize(
    ("skill", "text"), [("read", "please"), ("", "What does the sign say?"), ("label", "READ it")]
)
def test_reading(expert: VisionExpert, skill: str, text: str) -> None:
    outcome = expert.attempt(_task(text, "sign.png"), _context(skill))
    assert outcome.status is Status.SOLVED
    assert outcome.answer is not None
    assert outcome.answer.text.splitlines()[1] == "Open 9:30 to 18:00"
    assert outcome.answer.provenance == "image"
    assert outcome.evidence["findings"] == outcome.answer.text.splitlines()
    assert [step.kind for step in outcome.steps] == ["encoder", "ocr"]


def test_a_drawing_it_is_not_sure_of(expert: VisionExpert) -> None:
    outcome = expert.attempt(_task("What is this?", "sign.png"), _context())
    assert outcome.status is Status.UNSURE
    assert "under 0.50" in outcome.reason
    assert outcome.answer is not None
    assert outcome.confidence < 0.5
    assert [step.kind for step in outcome.steps] == ["encoder"]


def test_nothing_to_read(expert: VisionExpert) -> None:
    outcome = expert.attempt(_task("please", "cat.jpg"), _context("read"))
    assert outcome.status is Status.UNSURE
    assert outcome.answer is None
    assert "no text was found" in outcome.reason
    assert "Egyptian cat" in outcome.reason
    labelled = expert.attempt(_task("say what this is", "cat.jpg"), _context("label"))
    assert labelled.status is Status.SOLVED


@pytest.mark.parametrize("text", ["What is it?", "what's that?"])
def test_a_question_about_nothing_printed_is_answered_by_labels(
    expert: VisionExpert, text: str
) -> None:
    outcome = expert.attempt(_task(text, "cat.jpg"), _context("question"))
    assert outcome.status is Status.SOLVED
    assert outcome.answer is not None
    assert "Egyptian cat" in outcome.answer.text
    named = expert.attempt(_task("until when is it open?", "cat.jpg"), _context("question"))
    assert named.status is Status.UNSURE


def test_comparing(expert: VisionExpert) -> None:
    outcome = expert.attempt(_task("how alike?", "cat.jpg", "coffee.jpg"), _context("compare"))
    assert outcome.status is Status.SOLVED
    assert outcome.answer is not None
    assert outcome.evidence["similarity"] < 0.5
    assert f"similarity {outcome.evidence['similarity']:.2f}" in outcome.answer.text
    assert "image 2: an espresso" in outcome.answer.text
    assert len(outcome.remember) == 2


def test_a_picture_that_is_gone_or_damaged_fails_with_the_reason(
    expert: VisionExpert, tmp_path: Path
) -> None:
    damaged = tmp_path / "half.jpg"
    damaged.write_bytes((ASSETS / "cat.jpg").read_bytes()[:2000])
    for path, says in ((tmp_path / "gone.png", "no such file"), (damaged, "damaged")):
        context = Context({}, None, lambda _, path=path: str(path), "", None)  # type: ignore[arg-type, misc]
        outcome = expert.attempt(_task("what is it?", "cat.jpg"), context)
        assert outcome.status is Status.FAILED
        assert says in outcome.reason
        assert outcome.answer is None
        assert outcome.remember == ()


def _labels(*pairs: tuple[str, float]) -> list[Label]:
    return [
        Label(names.split(",")[0], probability, index, tuple(n.strip() for n in names.split(",")))
        for index, (names, probability) in enumerate(pairs)
    ]


def test_near_names_share_a_word() -> None:
    cats = _labels(
        ("tiger cat", 0.37), ("Egyptian cat", 0.37), ("tabby, tabby cat", 0.18), ("lynx", 0.02)
    )
    found = describe(cats)
    assert found.text == "a cat (0.92): tiger cat 0.37, Egyptian cat 0.37, tabby 0.18"
    assert (found.name, round(found.probability, 2), round(found.margin, 2)) == ("cat", 0.92, 0.9)
    assert memory_text(found, [], 0.5) == "photo of a cat"


def test_unlike_names_stay_apart() -> None:
    found = describe(_labels(("web site", 0.24), ("digital clock", 0.03), ("crane", 0.01)))
    assert found.text == "a web site (0.24); also digital clock"
    assert found.margin == pytest.approx(0.21)
    weak = describe(_labels(("tiger cat", 0.2), ("Egyptian cat", 0.2), ("lynx", 0.1)))
    assert weak.name == "tiger cat"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Egyptian cat", "an Egyptian cat"),
        ("tabby", "a tabby"),
        ("unicycle", "a unicycle"),
        ("umbrella", "an umbrella"),
        ("hourglass", "an hourglass"),
    ],
)
def test_articles(name: str, expected: str) -> None:
    assert with_article(name) == expected


def _receipt(tmp_path: Path) -> tuple[Task, Context]:
    sheet = Image.new("RGB", (560, 360), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(26)
    for row, line in enumerate(["Blue Kite Cafe", "Date: 14 March 2026", "Total: 17.40 EUR"]):
        pen.text((50, 50 + 80 * row), line, "black", font)
    path = tmp_path / "receipt.png"
    sheet.save(path)
    loaded = load_image(path)
    reference = ImageRef(loaded.sha256, loaded.media_type, loaded.width, loaded.height)
    context = Context({}, None, lambda _: str(path), "", None)  # type: ignore[arg-type]
    return Task("", images=(reference,)), context


@pytest.mark.parametrize(
    ("skill", "text", "answer"),
    [
        ("", "what is the total on this receipt?", "17.40 EUR"),
        ("read", "when was it, what date?", "14 March 2026"),
        ("question", "what is the total?", "17.40 EUR"),
    ],
)
def test_a_question_over_a_page(
    expert: VisionExpert, tmp_path: Path, skill: str, text: str, answer: str
) -> None:
    task, context = _receipt(tmp_path)
    outcome = expert.attempt(replace(task, text=text), replace(context, skill=skill))
    assert outcome.status is Status.SOLVED
    assert outcome.answer == Value(answer, "image")
    left, top, right, bottom = outcome.evidence["box"]
    assert 50 < left < right < 400
    assert 100 < top < bottom < 260
    assert outcome.evidence["image"] == task.images[0].sha256
    assert answer in "\n".join(outcome.evidence["findings"])
    assert [step.kind for step in outcome.steps] == ["encoder", "ocr", "ocr"]
    assert json.loads(json.dumps(outcome.evidence)) == outcome.evidence


def test_a_question_that_the_page_does_not_answer(expert: VisionExpert, tmp_path: Path) -> None:
    task, context = _receipt(tmp_path)
    outcome = expert.attempt(replace(task, text="who is the cashier on this receipt?"), context)
    assert outcome.status is Status.UNSURE
    assert outcome.answer is None
    assert "nothing that was read" in outcome.reason
    assert outcome.evidence["findings"][0] == "Blue Kite Cafe"


@pytest.mark.parametrize(
    ("text", "reads", "asks"),
    [
        ("what is in this picture?", False, False),
        ("what is the total on this receipt?", True, True),
        ("what does the sign say?", True, False),
        ("what is written on this badge?", True, False),
        ("read it", True, False),
        ("who is named on the badge?", True, True),
        ("label this image", False, False),
    ],
)
def test_what_is_read_and_what_is_asked(text: str, reads: bool, asks: bool) -> None:
    assert wants_text(text, "") is reads
    assert is_question(text) is asks
