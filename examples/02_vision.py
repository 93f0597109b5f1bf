"""A photo is labelled; a sign is read, and a question about it answered."""

from pathlib import Path

from shoal import Agent

PICTURES = Path(__file__).parents[1] / "agents" / "demo" / "assets"

with Agent() as agent:
    photo = agent.run("what is in this picture?", images=[PICTURES / "cat.jpg"])
    print(f"{photo.text}  [{photo.status}, confidence {photo.confidence:.2f}]")
    sign = agent.run("when does the library open?", images=[PICTURES / "sign.png"])
    print(
        f"{sign.text}  [{sign.status}, said by: {sign.answer.provenance if sign.answer else '-'}]"
    )
