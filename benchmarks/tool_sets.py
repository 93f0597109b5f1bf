"""Our own validation sets for tool calls: authored cases, and public data turned into calls.

`authored` is what weights, thresholds and the best epoch were chosen on; `heldout` was
written apart from code and cards, and nothing is chosen by it: its figures are the ones to quote.
SNIPS' slots (CC0) become arguments of seven functions whose descriptions are ours;
ToolAlpaca's golden answers (Apache-2.0) are taken where one call with literal values is
right. Nothing that is shipped is ever trained on it.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optional_data import absent, folder

from shoal.modalities.text.calls.cases import Case, read_cases

CASES = Path(__file__).with_name("cases")

_EACH = 20
"""Requests taken from each SNIPS intent."""

SNIPS: dict[str, tuple[str, dict[str, str]]] = {
    "AddToPlaylist": (
        "Add a song or an artist to a playlist.",
        {
            "playlist": "Name of the playlist",
            "playlist_owner": "Whose playlist it is, e.g. 'my'",
            "artist": "Name of the artist",
            "entity_name": "Title of the song or album to add",
            "music_item": "Kind of thing to add: song, track, album, tune",
        },
    ),
    "BookRestaurant": (
        "Book a table in a restaurant.",
        {
            "party_size_number": "Number of people",
            "party_size_description": "Who comes, e.g. 'my sister and me'",
            "restaurant_type": "Kind of place: restaurant, bar, pub, diner",
            "restaurant_name": "Name of the restaurant",
            "cuisine": "Kind of cuisine, e.g. 'Thai'",
            "served_dish": "A dish that it has to serve",
            "city": "City",
            "state": "State",
            "country": "Country",
            "timeRange": "When, as said",
            "sort": "A quality such as 'best' or 'highly rated'",
            "spatial_relation": "Nearness, e.g. 'close to'",
            "poi": "A place it should be near",
            "facility": "A facility it should have, e.g. 'pool'",
        },
    ),
    "GetWeather": (
        "Weather forecast for a place and time.",
        {
            "city": "City",
            "state": "State",
            "country": "Country",
            "geographic_poi": "A park, a mountain or another place that is no city",
            "timeRange": "When, as said",
            "condition_description": "Kind of weather, e.g. 'rain', 'fog'",
            "condition_temperature": "Word for the temperature, e.g. 'cold', 'warm'",
            "spatial_relation": "Nearness, e.g. 'close by'",
            "current_location": "Words for where the user is, e.g. 'here'",
        },
    ),
    "PlayMusic": (
        "Play music.",
        {
            "artist": "Name of the artist",
            "track": "Title of the track",
            "album": "Title of the album",
            "playlist": "Name of the playlist",
            "genre": "Genre",
            "year": "Year or decade",
            "music_item": "Kind of thing to play: song, album, track",
            "service": "The streaming service",
            "sort": "An order such as 'top', 'latest', 'popular'",
        },
    ),
    "RateBook": (
        "Give a book a rating.",
        {
            "object_name": "Title of the book",
            "rating_value": "The rating given",
            "best_rating": "The best possible rating",
            "rating_unit": "What is counted: stars or points",
            "object_select": "Word that points to the book, e.g. 'this', 'current'",
            "object_type": "Kind of work: book, novel, essay, textbook",
            "object_part_of_series_type": "Part of a series: series, chronicle, saga",
        },
    ),
    "SearchCreativeWork": (
        "Look for a creative work such as a film, song, book or game.",
        {"object_name": "Title of the work", "object_type": "Kind of work: song, movie, game"},
    ),
    "SearchScreeningEvent": (
        "Find when and where a film is shown.",
        {
            "movie_name": "Title of the film",
            "movie_type": "Kind of film, e.g. 'animated movies'",
            "object_type": "What is asked for: movie schedule, movie times",
            "location_name": "Name of the cinema or chain",
            "object_location_type": "Kind of place: cinema, movie house",
            "timeRange": "When, as said",
            "spatial_relation": "Nearness, e.g. 'in the neighbourhood'",
        },
    ),
}
_NUMBERS = ("party_size_number", "rating_value", "best_rating")


def own_sets() -> dict[str, list[Case]]:
    """The authored set, and those made of public data that is at hand."""
    sets = {name: read_cases(CASES / f"{name}.jsonl") for name in ("heldout", "authored")}
    for name, build in (("snips", snips), ("toolalpaca", toolalpaca)):
        path = folder(name)
        if path is None:
            print(absent(name))
        else:
            sets[name] = build(path)
    return sets


def snips(path: Path, seed: int = 0) -> list[Case]:
    """Requests of SNIPS with their slots as arguments, the right function among three."""
    draw = random.Random(seed)
    cases = []
    for intent in SNIPS:
        for number, (text, truth) in enumerate(draw.sample(snips_rows(path, intent), _EACH)):
            others = draw.sample([name for name in SNIPS if name != intent], 2)
            names = draw.sample([intent, *others], 3)
            accepted = {name: [value] for name, value in truth.items()}
            functions = tuple(snips_function(name) for name in names)
            cases.append(Case(f"{intent}-{number}", text, functions, ((intent, accepted),)))
    return cases


def snips_rows(path: Path, intent: str) -> list[tuple[str, dict[str, Any]]]:
    """The requests of an intent that can be told as a call, with the call's arguments."""
    rows = json.loads((path / f"train_{intent}.json").read_text(encoding="utf-8"))[intent]
    usable = [row["data"] for row in rows if _literal(row["data"])]
    return [
        (
            "".join(part["text"] for part in parts),
            {p["entity"]: _value(p) for p in parts if "entity" in p},
        )
        for parts in usable
    ]


def _literal(parts: Sequence[Mapping[str, str]]) -> bool:
    """Each slot once, and numbers in digits."""
    named = [part["entity"] for part in parts if "entity" in part]
    digits = all(p["text"].isdigit() for p in parts if p.get("entity") in _NUMBERS)
    return len(named) == len(set(named)) and bool(named) and digits


def _value(part: Mapping[str, str]) -> Any:
    return int(part["text"]) if part["entity"] in _NUMBERS else part["text"]


def snips_function(name: str) -> dict[str, Any]:
    """One intent as a function: `name`, `description`, `parameters`."""
    described, slots = SNIPS[name]
    properties = {
        slot: {"type": "integer" if slot in _NUMBERS else "string", "description": text}
        for slot, text in slots.items()
    }
    parameters = {"type": "object", "properties": properties, "required": []}
    return {"name": name, "description": described, "parameters": parameters}


def toolalpaca(path: Path) -> list[Case]:
    """Single-call tasks of ToolAlpaca whose golden values are literal."""
    cases = []
    apis = json.loads((path / "eval_simulated.json").read_text(encoding="utf-8"))
    for api in apis:
        described = api["Function_Description"].items()
        functions = tuple(_api_function(n, text) for n, text in described if n != "components")
        known = {f["name"]: f for f in functions}
        answers = zip(api["Instructions"], api["Golden_Answers"], strict=True)
        for number, (question, golden) in enumerate(answers):
            truth = _golden(question, golden, known)
            if truth is not None:
                cases.append(Case(f"{api['Name']}-{number}", question, functions, (truth,)))
    return cases


def _golden(
    question: str, answer: Sequence[Mapping[str, str]], known: Mapping[str, Any]
) -> tuple[str, dict[str, list[Any]]] | None:
    if len(answer) != 1 or answer[0]["Action"] not in known:
        return None
    try:
        given = json.loads(answer[0]["Action_Input"])
    except ValueError:  # a value is a placeholder
        return None
    schema = known[answer[0]["Action"]]["parameters"]
    if set(given) - set(schema["properties"]):
        return None
    unsaid = {n for n, v in given.items() if str(v).lower() not in question.lower()}
    free = unsaid - set(schema["required"])  # defaults that the author wrote out
    return answer[0]["Action"], {n: [v, ""] if n in free else [v] for n, v in given.items()}


def _api_function(name: str, described: str) -> dict[str, Any]:
    """Reads 'text\\nParameters: {"name": "Required. string. text"}\\nOutput: …'."""
    found = re.search(r"Parameters: (\{.*?\})\n", described, re.DOTALL)
    listed = json.loads(found[1]) if found else {}
    properties = {key: _api_parameter(text) for key, text in listed.items()}
    required = [key for key, text in listed.items() if text.startswith("Required")]
    parameters = {"type": "object", "properties": properties, "required": required}
    return {"name": name, "description": described.split("\n")[0], "parameters": parameters}


def _api_parameter(text: str) -> dict[str, Any]:
    text = text.removeprefix("Required. ").removeprefix("Optional. ")
    kind, _, rest = text.partition(".")
    simple = kind.strip().lower()
    if simple.startswith("array"):
        return {"type": "array", "items": {"type": "string"}, "description": rest.strip()}
    known = simple if simple in ("integer", "number", "boolean", "object") else "string"
    return {"type": known, "description": rest.strip()}
