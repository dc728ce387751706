"""Whatever is killed at whatever step of a message's path: everybody receives the message once.

The message is sealed by the real core for several cells. Something dies when it has just come to a
step, and comes back. Nothing else is sent that could make up for it.
"""

from collections.abc import Callable

import pytest

from tests.faults.steps import AT_HEARING, AT_POSTING, Step
from tests.faults.stopping import StoppingWorker
from tests.faults.two_nodes import TwoNodes

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]


def the_worker(_: TwoNodes, stopped: StoppingWorker) -> None:
    """The process that is at the step."""
    stopped.restart()


def postgresql(nodes: TwoNodes, stopped: StoppingWorker) -> None:
    """Each node has lost its connections, whatever they were used for."""
    nodes.crash_postgresql()
    stopped.go_on()
    nodes.database.start()


def nats(nodes: TwoNodes, stopped: StoppingWorker) -> None:
    """No node hears another until it is back."""
    nodes.nats.kill()
    stopped.go_on()
    nodes.nats.start()


@pytest.mark.parametrize("step", [*AT_POSTING, *AT_HEARING])
@pytest.mark.parametrize("dies", [the_worker, postgresql, nats], ids=lambda one: one.__name__)
def test_everybody_receives_once(
    nodes: TwoNodes, dies: Callable[[TwoNodes, StoppingWorker], None], step: Step
) -> None:
    stopped = nodes.posting if step in AT_POSTING else nodes.hearing
    text = f"{dies.__name__} dies when {step}"
    nodes.whole()
    stopped.stop_at(step)
    nodes.begin_to_send(text)
    stopped.wait_for_stop(step)
    dies(nodes, stopped)
    nodes.received_once(text)
    nodes.cursor_stored()
