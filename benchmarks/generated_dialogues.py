"""Generated long dialogues in LoCoMo's JSON, for where no real ones are at hand.

    python benchmarks/generated_dialogues.py DIR [--dialogues 10] [--seed 0]

Authored facts, each told by one of two speakers among small talk, and each asked for, in
its own words or in others; some of them are answers to the other's question, as in real talk
("A violin, finally!").
Both speakers tell the like of themselves, so that names matter. It is a test of the machinery
and a first look, no stand-in for people's talk: figures on it say "generated".
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "Dmitri",
    "Elif",
    "Farid",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kim",
    "Lena",
    "Milo",
    "Nadia",
    "Omar",
    "Paula",
]

# (what the other asks first or "", what is told, the question later, values)
FACTS = (
    ("", "I finally signed up for {x} lessons, first one is on Thursday.",
     "Which hobby did {w} start taking classes in?", "pottery violin archery tango fencing"),
    ("What did you end up getting?", "A {x}! It barely fits through the door.",
     "What did {w} buy?", "piano hammock kayak telescope loom"),
    ("How was the trip?", "We never made it past {x}, the car broke down.",
     "Where did {w}'s journey end early?", "Lyon Trieste Bergen Porto Cluj"),
    ("", "My sister is moving to {x} next month, I will miss her so much.",
     "To which city does {w}'s sibling relocate?", "Oslo Dublin Seville Gdansk Turin"),
    ("Any pets at your place?", "Just the {x}, and he rules the house.",
     "What animal lives with {w}?", "parrot tortoise ferret greyhound hamster"),
    ("", "The doctor says I have to stay away from {x} from now on.",
     "What food must {w} avoid for health reasons?", "peanuts shellfish gluten dairy strawberries"),
    ("Did you hear back from them?", "Yes, I start as a {x} in autumn!",
     "What is {w}'s new job?", "librarian paramedic baker surveyor translator"),
    ("", "I ran out of patience and painted the whole kitchen {x}.",
     "What colour are the walls where {w} cooks?", "turquoise orange burgundy yellow grey"),
    ("What are you reading these days?", "Something about {x}, I can't put it down.",
     "What is the topic of {w}'s current book?", "volcanoes beekeeping cartography glaciers codes"),
    ("", "Grandpa left me his old {x} and I have no idea how to use it.",
     "What did {w} inherit?", "typewriter camera accordion sextant lathe"),
    ("So who is coming?", "Only {x} people, the rest have flu.",
     "How many guests will {w} have?", "three five seven nine eleven"),
    ("", "I lost my {x} on the night bus, so annoying.",
     "What did {w} leave behind in public transport?", "wallet scarf umbrella laptop sketchbook"),
    ("You look tired, everything fine?", "I was up all night because of the {x}.",
     "What kept {w} from sleeping?", "storm toothache neighbours baby fireworks"),
    ("", "Turns out I am terrified of {x}, I had no idea.",
     "What is {w} scared of?", "heights spiders caves clowns thunder"),
    ("What is the plan for the garden?", "Nothing but {x}, rows and rows of them.",
     "Which plants will {w} grow?", "tulips tomatoes sunflowers leeks raspberries"),
    ("", "I promised to run the {x} for charity, what was I thinking.",
     "Which race does {w} take part in to raise money?", "marathon triathlon relay steeplechase"),
    ("And did it help?", "Only the {x} did, the pills made no difference.",
     "What remedy worked for {w}?", "massage yoga acupuncture swimming sauna"),
    ("", "Our band is called the {x} now, do not laugh.",
     "What name did {w}'s music group choose?", "Herons Lanterns Magpies Teapots Comets"),
    ("What did they give you?", "A voucher for a {x} flight, can you believe it?",
     "What present did {w} receive?", "balloon helicopter glider seaplane zeppelin"),
    ("", "I volunteer at the {x} shelter every second Sunday.",
     "Whom does {w} help out in spare time?", "donkey cat owl hedgehog refugee"),
)  # fmt: skip

# The same, asked in the words of what was told.
LITERAL = (
    "Which lessons did {w} sign up for?",
    "What was it that {w} got that hardly fits through the door?",
    "Where did {w}'s car break down on the trip?",
    "Where is {w}'s sister moving?",
    "Which pet rules {w}'s house?",
    "What did the doctor tell {w} to stay away from?",
    "As what does {w} start in autumn?",
    "What colour did {w} paint the kitchen?",
    "What is {w} reading about?",
    "What did {w}'s grandpa leave behind?",
    "How many people are coming to {w}'s, as the rest have flu?",
    "What did {w} lose on the night bus?",
    "Why was {w} up all night?",
    "What is {w} terrified of?",
    "What grows in rows in {w}'s garden?",
    "What did {w} promise to run for charity?",
    "What helped {w} when pills made no difference?",
    "What is {w}'s band called?",
    "What flight did {w} get a voucher for?",
    "At which shelter does {w} volunteer?",
)

SMALL = (
    "Hey {o}, good to hear from you!", "Hi {o}! How have you been?", "Pretty good, thanks.",
    "That sounds great, {o}.", "Wow, I didn't expect that.", "Ha, tell me about it.",
    "The weather has been awful all week.", "I should get some sleep soon.", "Sure, any time!",
    "I know exactly what you mean.", "Let's catch up again soon.", "Work has been busy as always.",
    "Oh no, I'm sorry to hear that.", "Congratulations, you deserve it!",
    "Same here, to be honest.",
    "Did you see the match last night?", "No, I missed it, I was cooking.", "You always say that.",
    "That reminds me of our school days.", "I had the best coffee this morning.", "Really? Why?",
    "It was a long story, maybe another time.", "My phone is about to die.", "Take care, {o}!",
    "What are you up to this weekend?", "Not much, maybe a walk.", "We should cook together again.",
    "I need a holiday.", "Time flies, doesn't it?", "I was just thinking about you.",
)  # fmt: skip


def dialogue(seed: int, sessions: int = 16, turns: int = 18) -> dict[str, Any]:
    """Returns one dialogue of two people, in LoCoMo's form."""
    draw = random.Random(seed)
    two = draw.sample(NAMES, 2)
    told = [(who, fact, draw.choice(fact[3].split())) for who in (0, 1) for fact in FACTS]
    draw.shuffle(told)
    said: dict[str, Any] = {"speaker_a": two[0], "speaker_b": two[1]}
    asked: list[dict[str, Any]] = []
    for number in range(1, sessions + 1):
        lines = [(k % 2, draw.choice(SMALL)) for k in range(turns)]
        here = told[number - 1 :: sessions]
        for place, (who, fact, value) in zip(
            sorted(draw.sample(range(2, turns - 2, 3), len(here))), here, strict=True
        ):
            lines[place] = (1 - who, fact[0] or draw.choice(SMALL))
            lines[place + 1] = (who, fact[1].format(x=value))
            evidence = [f"D{number}:{place + 2}"]
            words = draw.choice((fact[2], LITERAL[FACTS.index(fact)]))
            question = words.format(w=two[who])
            asked.append({"question": question, "answer": value, "evidence": evidence,
                          "category": 4 if fact[0] == "" else 1})  # fmt: skip
        said[f"session_{number}_date_time"] = f"{number} May, 2023"
        said[f"session_{number}"] = [
            {"speaker": two[who], "dia_id": f"D{number}:{k}", "text": text.format(o=two[1 - who])}
            for k, (who, text) in enumerate(lines, 1)
        ]
    return {"sample_id": f"generated-{seed}", "conversation": said, "qa": asked}


def main() -> None:
    """Writes the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dialogues", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.dialogues):
        path = options.folder / f"generated_{number:02}.json"
        text = json.dumps(dialogue(1000 * options.seed + number), ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
    print(f"{options.dialogues} generated dialogues in {options.folder}")


if __name__ == "__main__":
    main()
