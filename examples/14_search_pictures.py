"""An index of pictures on disk, searched by likeness, by what they show, and by what they say."""

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from shoal.modalities.vision import ImageIndex
from shoal.modalities.vision.find import Found, files_in

PICTURES = Path(__file__).parents[1] / "agents" / "demo" / "assets"


def poster(words: str) -> Image.Image:
    """Draws a poster with a few words on it."""
    page = Image.new("RGB", (640, 240), "ivory")
    ImageDraw.Draw(page).text((40, 80), words, fill="navy", font=ImageFont.load_default(48))
    return page


def show(title: str, found: list[Found]) -> None:
    """Prints what was found, the best first."""
    print(title)
    for hit in found:
        shows = hit.labels[0].name if hit.labels else "-"
        says = f", says {hit.text.text!r}" if hit.text and hit.text.text else ""
        print(f"  {hit.score:.2f} {Path(hit.path).name}: {shows}{says}")


with tempfile.TemporaryDirectory() as home:
    album = Path(home) / "album"
    album.mkdir()
    for name in ("cat.jpg", "coffee.jpg"):
        photo = Image.open(PICTURES / name)
        photo.save(album / name)
        ImageEnhance.Brightness(photo).enhance(1.2).save(album / f"bright {name}", quality=80)
    poster("Flea market on Sunday").save(album / "market.png")
    poster("Lost: one umbrella").save(album / "umbrella.png")
    (album / "notes.txt").write_text("not a picture")

    with ImageIndex(Path(home) / "album.sqlite") as index:
        added = index.add(files_in(album), read=True, data={"album": "spring"})
        junk = ", ".join(f"{Path(item.name).name}: {item.why}" for item in added.skipped)
        print(f"{len(index)} pictures; skipped {junk}")

        show("like the photo of a cat:", index.search(PICTURES / "cat.jpg", k=2))
        show("shows espresso:", index.search(label="a cup of espresso", k=2))
        show("says Sunday:", index.search(text="sunday market", k=1))
        both = index.search(PICTURES / "coffee.jpg", label="espresso", k=1)
        show("like the coffee, and shows espresso:", both)

        for group in index.near_duplicates():
            print("nearly the same:", ", ".join(Path(hit.path).name for hit in group))
        index.remove(index.search(text="umbrella")[0].sha256)
        print(f"after removing the umbrella: {len(index)} pictures")
