"""Why a label, and which part of the picture: heat over the pixels that speak for it."""

import tempfile
from pathlib import Path

from PIL import Image

from shoal.errors import UnknownNameError
from shoal.modalities.vision import VisionEncoder, explain

PICTURES = Path(__file__).parents[1] / "agents" / "demo" / "assets"
SIDE = 240

# A cat on the left, a cup on the right: one picture, two answers.
both = Image.new("RGB", (2 * SIDE, SIDE + SIDE // 2), "grey")
for number, name in enumerate(("cat.jpg", "coffee.jpg")):
    with Image.open(PICTURES / name) as photo:
        both.paste(photo.convert("RGB").resize((SIDE, SIDE)), (number * SIDE, SIDE // 4))

folder = Path(tempfile.mkdtemp())
for label in ("Egyptian cat", "espresso"):
    found = explain(both, label)
    left, _, right, _ = found.box() or (0, 0, 0, 0)
    side = "left" if left + right < both.width else "right"
    print(f"{found.label.name} is on the {side}, between {left} and {right} px ({found.method})")
    print(f"  {found.save(folder / f'{label}.png')}")

try:
    explain(both, "esspreso")
except UnknownNameError as error:
    print(error)

# The same for any timm model, here an untrained one: Grad-CAM instead of the classifier's weights.
untrained = VisionEncoder("vit_tiny_patch16_224", weights="random")
print(f"a ViT is explained by {explain(both, model=untrained).method}")

# The maps themselves: the last one, and those between the stages.
maps = VisionEncoder().maps([both])
print("maps:", maps.final.shape, *(layer.shape for layer in maps.layers))
