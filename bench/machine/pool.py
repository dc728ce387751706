"""Work on many devices, shared out to as many processes as there are processors."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

FEW = 1_000  # Devices: to start a process takes longer than what is done for these.
P = TypeVar("P")
R = TypeVar("R")


def shared_out(
    function: Callable[[P], R],
    work: Iterable[P],
    devices: int,
    begin: Callable[..., object] | None = None,
    given: tuple[Any, ...] = (),
) -> Iterator[R]:
    """Yield what a function of a module makes of each piece, in order. ``devices``: how many the
    pieces have in all; few are done in this process. ``begin`` is called first in each process,
    with ``given``."""
    if devices < FEW:
        if begin is not None:
            begin(*given)
        yield from map(function, work)
        return
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), begin, given) as pool:
        yield from pool.map(function, work)
