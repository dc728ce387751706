"""Which cell a client belongs to, and when cells open, empty and merge. Pure.

Newcomers go where there is room up to the fill limit, which leaves places for second devices: a
device goes to a cell of its person's other devices while there is any place at all. Who finds no
room gets fresh cells, all opened at once and evenly filled, because each is founded by one of its
own members. Nobody is moved but by a merge.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from copconnect import errors
from copconnect.ids import CellId, ClientId, PersonId

_KEPT_FREE = 4


def fill_limit(cell_size: int) -> int:
    """Return up to how many clients newcomers fill a cell."""
    return max(1, cell_size - _KEPT_FREE)


def fits_one_cell(clients: int, cell_size: int) -> bool:
    """Return whether several cells are to become one: everybody fills at most half of it."""
    return clients <= min(cell_size // 2, fill_limit(cell_size))


def assign(
    newcomers: Sequence[tuple[ClientId, PersonId]],
    clients: Mapping[CellId, int],
    beside: Mapping[PersonId, CellId],
    cell_size: int,
    new_cell: Callable[[], CellId],
) -> dict[ClientId, CellId]:
    """Return the cell of each newcomer, without two for one client.

    ``clients``: how many each cell has now; ``beside``: a cell of the person's other devices.
    """
    count = dict(clients)
    placed: dict[ClientId, CellId] = {}
    waiting: list[ClientId] = []
    for client_id, person_id in newcomers:
        cell_id = beside.get(person_id)
        if cell_id is not None and count.get(cell_id, cell_size) < cell_size:
            placed[client_id] = cell_id
            count[cell_id] += 1
        else:
            waiting.append(client_id)
    limit = fill_limit(cell_size)
    rooms = (cell_id for cell_id in sorted(count) for _ in range(limit - count[cell_id]))
    placed |= dict(zip(waiting, rooms, strict=False))
    homeless = [client_id for client_id in waiting if client_id not in placed]
    opened = [new_cell() for _ in range(-(-len(homeless) // limit))]
    for at, client_id in enumerate(homeless):
        placed[client_id] = opened[at % len(opened)]
    return placed


def assign_to_only(
    newcomers: Iterable[tuple[ClientId, PersonId]],
    cell_id: CellId,
    clients: int,
    cell_size: int,
    *,
    leave_out: bool,
) -> dict[ClientId, CellId]:
    """Return the places in a direct conversation's only cell.

    Raises CellFull, unless who finds no room is to be left out.
    """
    ids = [client_id for client_id, _ in newcomers]
    room = max(0, cell_size - clients)
    if len(ids) > room and not leave_out:
        raise errors.CellFull(limit=cell_size)
    return dict.fromkeys(ids[:room], cell_id)
