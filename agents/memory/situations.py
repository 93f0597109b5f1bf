"""Have I been in a situation like this, and who solved it?

Texts, pictures and trajectories are compared each by its own embedding, and meet in the runs:
a run has its request, a picture the runs that looked at it, an episode the run that played it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal.agents.memory.index import Hit, Passage
from shoal.agents.memory.names import owned
from shoal.errors import ImageError, StorageError
from shoal.types import Memory

if TYPE_CHECKING:
    from shoal.agents.memory.store import MemoryStore
    from shoal.modalities.vision.opening.images import ImageSource

_LOT = 32

_UNSEEN = """
SELECT prefix, key FROM store s WHERE prefix IN (SELECT value FROM json_each(?))
AND NOT EXISTS (SELECT 1 FROM entries e
    WHERE e.prefix = s.prefix AND e.key = s.key AND e.field = 'picture') LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class Situation:
    """Something like it that was there before.

    Attributes:
        item: The run, picture or episode.
        kind: Which of these: "run", "image" or "episode".
        similarity: The cosine of its embedding; of texts, or of pictures.
        expert: Who took it on; "" where no run tells.
        status: How it ended, as `Status` has it; "" where nothing tells.
        run: The key of the run's record; "" for none.
    """

    item: Memory
    kind: str
    similarity: float
    expert: str
    status: str
    run: str


def alike(
    memory: MemoryStore, text: str, images: Sequence[ImageSource], limit: int
) -> tuple[Situation, ...]:
    """Returns the nearest situations of any kind, best first.

    A picture is compared with pictures; a text with missions of episodes and with requests of
    runs, the latest `MOST_RUNS` that were not answered by a reflex.
    Cosines of texts and of pictures are not of one scale: the better rank in its own list
    comes first, and the cosine decides between equals.

    Args:
        memory: The user's.
        text: The request or mission; "" for none.
        images: Pictures, each as `load_image` takes it.
        limit: How many at most.
    """
    lists = [_near(memory, hits) for hits in _searches(memory, text, images, limit)]
    ranked = [(rank, -each.similarity, each) for found in lists for rank, each in enumerate(found)]
    best: dict[tuple[str, str], Situation] = {}
    for _, _, each in sorted(ranked, key=lambda row: row[:2]):
        best.setdefault((each.kind, each.item.key), each)
    return tuple(best.values())[:limit]


def see_pictures(memory: MemoryStore, most: int = 1 << 30) -> int:
    """Embeds remembered pictures that have no embedding yet; returns how many.

    Each batch is saved by itself. A picture whose file is gone or damaged is passed over.

    Args:
        memory: The user's.
        most: At most so many.
    """
    prefixes, done = memory.prefixes(("image",)), 0
    _check_model(memory)
    while prefixes and (rows := memory.query(_UNSEEN, prefixes, min(_LOT, most - done))):
        memory.guarded(lambda rows=rows: _see(memory, rows))
        done += len(rows)
        if done >= most:
            break
    return done


def _searches(
    memory: MemoryStore, text: str, images: Sequence[ImageSource], limit: int
) -> Iterator[list[Hit]]:
    index = memory.index

    def near(kinds: Sequence[str], vector: Any, pictures: bool) -> list[Hit]:
        inside = index.spaces.which(
            lambda space: (owned(space.prefix, memory.user) or ("", ""))[1] in kinds
        )
        return index.nearest(vector, inside, limit, pictures=pictures)

    if text.strip():
        vector = memory.embedded(text)
        yield memory.guarded(lambda: near(("run", "episode"), vector, False))
    if images:
        from shoal.modalities.vision import vision_encoder

        see_pictures(memory)
        for seen in vision_encoder().embed(images):
            yield memory.guarded(lambda seen=seen: near(("image",), seen, True))


def _near(memory: MemoryStore, hits: Sequence[Hit]) -> list[Situation]:
    found = []
    for hit in hits:
        item = memory.item(hit.prefix, hit.key)
        if item is not None:
            run = _run_of(memory, item)
            data: Mapping[str, Any] = run.data if run else {}
            status = str(data.get("status") or item.data.get("status") or "")
            kind, expert = item.namespace[-1], str(data.get("expert") or "")
            found.append(Situation(item, kind, hit.cosine, expert, status, run.key if run else ""))
    return found


def _run_of(memory: MemoryStore, item: Memory) -> Memory | None:
    """The record that tells who took it on; of several runs on a picture, the latest."""
    kind = item.namespace[-1]
    if kind == "run":
        return item
    if kind == "episode":
        return memory.lookup("run", f"run-{item.key}")
    rows = memory.query(
        "SELECT s.prefix, s.key FROM shown p JOIN store s USING (prefix, key) WHERE p.sha256 = ? "
        "AND s.prefix IN (SELECT value FROM json_each(?)) ORDER BY s.rowid DESC LIMIT 1",
        item.key, memory.prefixes(("run",)),
    )  # fmt: skip
    return memory.item(*rows[0]) if rows else None


def _check_model(memory: MemoryStore) -> None:
    """Pictures of another encoder are embedded anew."""
    from shoal.modalities.vision import vision_encoder

    encoder = vision_encoder()
    name = json.dumps([encoder.model, encoder.features])
    known = memory.query("SELECT value FROM facts WHERE name = 'picture_model'")
    if known and known[0][0] == name:
        return

    def work() -> None:
        with memory.writing() as connection:
            connection.execute("DELETE FROM entries WHERE field = 'picture'")
            memory.index.pictures.removed()
            connection.execute("REPLACE INTO facts VALUES ('picture_model', ?)", (name,))

    memory.guarded(work)


def _see(memory: MemoryStore, rows: Sequence[tuple[str, str]]) -> None:
    from shoal.modalities.vision import load_image, vision_encoder
    from shoal.modalities.vision.find.sketch import pack

    there, gone = [], []
    for prefix, key in rows:
        passage = Passage(prefix, key, "picture", "", "", 0.0)
        try:
            there.append((passage, load_image(memory.blobs.path(key))))
        except (StorageError, ImageError):
            gone.append(passage)
    vectors = pack(vision_encoder().embed([image for _, image in there])) if there else []
    with memory.writing():
        memory.index.add_pictures(
            [(passage, raw) for (passage, _), raw in zip(there, vectors, strict=True)]
        )
        for passage in gone:
            memory.index.entry(passage)
