"""The floor writes to every socket, and says how long that took."""

from contextlib import closing

from bench.net.floor_side import Floor


def test_every_socket_receives() -> None:
    with closing(Floor(40, 2)) as floor:
        for size in (200, 70_000):
            found = floor.round(size)
            assert found.last_ms > 0
            assert found.cpu_us > 0
