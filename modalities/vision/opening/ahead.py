"""Pictures opened in a few threads, ahead of the encoder that takes them in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from shoal.errors import ImageError

_WORKERS = 2
_AHEAD = 32  # worked on before they are asked for: as many as an encoder takes at once

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item]
) -> Generator[tuple[Item, Result | ImageError]]:
    """Yields each item with what `work` made of it, or with its error, in order.

    A few items are worked on ahead, so memory is bounded. When the caller stops, so does the
    work.
    """
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="pictures") as pool:
        waiting: deque[tuple[Item, Future[Result | ImageError]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(_caught, work, item)))
                if len(waiting) > _AHEAD:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _caught(work: Callable[[Item], Result], item: Item) -> Result | ImageError:
    try:
        return work(item)
    except ImageError as error:
        return error
