"""Whatever is killed at whatever step of a message's path: everybody receives the message once.

The message is sealed by the real core for several cells. Something dies when it has just come to a
step, and comes back.
"""

from collections.abc import Callable

import pytest

from tests.faults.steps import AT_HEARING, AT_POSTING, Step
from tests.faults.stopping import StoppingWorker
from tests.faults.two_nodes import TwoNodes

pytestmark = [pytest.mark.postgresql, pytest.mark.nats, pytest.mark.timeout(400)]
Dies = Callable[[TwoNodes, StoppingWorker, Step], None]


def the_worker(nodes: TwoNodes, stopped: StoppingWorker, step: Step) -> None:
    """The process that is at the step. Where nobody has committed, the next message takes the place
    in the log that this one would have had; who was told of it already would miss that one."""
    stopped.kill()
    if step in AT_POSTING and step != "it is committed":
        nodes.reader_sends(f"While the worker is away at {step}")
    stopped.start()  # After a commit nothing follows that would show the gap: healing must.


def postgresql(nodes: TwoNodes, stopped: StoppingWorker, _: Step) -> None:
    """Each node has lost its connections, whatever they were used for."""
    nodes.crash_postgresql()
    stopped.go_on()
    nodes.database.start()


def nats(nodes: TwoNodes, stopped: StoppingWorker, _: Step) -> None:
    """No node hears another until it is back."""
    nodes.nats.kill()
    stopped.go_on()
    nodes.nats.start()


@pytest.mark.parametrize("step", [*AT_POSTING, *AT_HEARING])
@pytest.mark.parametrize("dies", [the_worker, postgresql, nats], ids=lambda one: one.__name__)
def test_everybody_receives_once(nodes: TwoNodes, dies: Dies, step: Step) -> None:
    stopped = nodes.posting if step in AT_POSTING else nodes.hearing
    nodes.whole()
    stopped.stop_at(step)
    nodes.begin_to_send(f"{dies.__name__} dies when {step}")
    stopped.wait_for_stop(step)
    dies(nodes, stopped, step)
    nodes.received_once()
    nodes.cursor_stored()
