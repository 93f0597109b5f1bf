"""Teaches what things are called from a few pictures, then names new ones, or says "none of these".

The same on the command line: shoal tune FOLDER --name things, with a folder for each class.
"""

import tempfile
from pathlib import Path

from PIL import Image

from shoal import Agent
from shoal.modalities.vision.teach import (
    ImageClassifier,
    TeachSettings,
    read_pictures,
    teach_classifier,
)

ASSETS = Path(__file__).parents[1] / "agents" / "demo" / "assets"


def part(name: str, left: float, right: float) -> Image.Image:
    """Another view of the same thing: a part of its photo, from left to right."""
    photo = Image.open(ASSETS / name)
    return photo.crop((int(left * photo.width), 0, int(right * photo.width), photo.height))


with tempfile.TemporaryDirectory() as home:
    # A folder for each class; what is no picture is left out, counted and named.
    for label, name in (("Tom 🐈", "cat.jpg"), ("my mug", "coffee.jpg")):
        folder = Path(home) / "things" / label
        folder.mkdir(parents=True)
        for number, (left, right) in enumerate(((0, 0.8), (0.1, 0.9), (0.2, 1), (0, 1))):
            part(name, left, right).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("not a picture")

    settings = TeachSettings("things", out=Path(home) / "taught", quiet=True)
    taught = teach_classifier(read_pictures(Path(home) / "things")["train"], settings)
    classifier = ImageClassifier.load(taught)
    print("taught:", ", ".join(classifier.labels))
    new = {
        "another view of the cat": part("cat.jpg", 0.15, 0.95),
        "another view of the mug": part("coffee.jpg", 0.05, 0.85),
        "a sign": Image.open(ASSETS / "sign.png"),
    }
    for what, said in zip(new, classifier.predict(list(new.values())), strict=True):
        print(f"{what}: {said.label or 'none of these'} ({said.probability:.2f})")

# An agent learns names while it runs, and knows them in its next run.
with Agent() as agent:
    before = agent.run("What is in this picture?", images=[part("coffee.jpg", 0.1, 1)])
    agent.teach("my mug", images=[part("coffee.jpg", 0, 0.9)])
    after = agent.run("What is in this picture?", images=[part("coffee.jpg", 0.1, 1)])
    print(f"the agent said: {before.text}; after it was taught: {after.text}")
    agent.forget_taught("my mug")
