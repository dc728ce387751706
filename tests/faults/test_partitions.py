"""One of two workers is cut off from NATS, in one direction or both; the other is not.

Its connection stays open, as where packets are lost on the way: nothing arrives, and when the line
is back what was held comes late. Everybody receives every message once, while the line is cut, and
nobody loses a connection.
"""

import pytest

from tests.faults.two_nodes import TwoNodes

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]


@pytest.mark.parametrize(
    ("up", "down"),
    [(0, 0), (0, None), (None, 0)],
    ids=["both ways", "it is not heard", "it does not hear"],
)
@pytest.mark.parametrize("lonely", ["posting", "hearing"])
def test_everybody_receives_once_while_a_worker_is_cut_off(
    nodes: TwoNodes, lonely: str, up: int | None, down: int | None
) -> None:
    line = nodes.posting_line if lonely == "posting" else nodes.hearing_line
    texts = [f"{lonely} {up} {down} {number}" for number in range(3)]
    nodes.whole()
    before = nodes.connections_lost()
    line.hold(up=up, down=down)
    try:
        nodes.begin_to_send(texts[0])
        nodes.received_once()
        nodes.begin_to_send(texts[1])
        nodes.received_once()
    finally:
        line.release()
    nodes.whole()
    nodes.begin_to_send(texts[2])
    nodes.received_once()
    nodes.cursor_stored()
    assert nodes.connections_lost() == before
