"""Every administrative act refuses everybody whom its line in ``expected_acts.py`` does not name.

The acts come from ``wire.Act`` itself, so that a new one without a line fails here by name.
"""

from typing import get_args

import pytest

from copconnect import wire
from tests.harness.presence import posted
from tests.identity.signing import signed_act
from tests.rights.act_examples import EXAMPLES
from tests.rights.asking import answer_of, told
from tests.rights.expected_acts import ACTS
from tests.rights.world import Account, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADVICE = """no rule says who may do {act}.
Add a line to ACTS in tests/rights/expected_acts.py, below the acts of its kind:

    "{act}": HERE,

with a rule of tests/rights/rules.py, whose comments say which fits; and a function to EXAMPLES in
tests/rights/act_examples.py that makes such an act about a person or unit of the station."""


async def test_every_act_has_a_line_and_an_example() -> None:
    there = {str(one.__struct_config__.tag) for one in get_args(wire.Act)}
    for act in sorted(there - (ACTS.keys() & EXAMPLES.keys())):
        raise AssertionError(ADVICE.format(act=act))
    gone = sorted((ACTS.keys() | EXAMPLES.keys()) - there)
    assert not gone, f"tests/rights has lines for acts that are gone: {gone}"


@pytest.mark.parametrize("tag", ACTS)
async def test_every_act_is_done_for_each_account_as_its_line_says(world: World, tag: str) -> None:
    wrong: list[str] = []
    for account in Account:
        signer = world.devices.get(account, world.subject)
        act = await EXAMPLES[tag](world, signer)
        before = await acts_done(world)
        body = posted(signed_act(world, signer, act))
        headers = world.headers[account] | {"content-type": "application/msgpack"}
        response = await world.http.post(
            "/v1/admin/acts", headers=headers, content=world.packed(body)
        )
        found = answer_of(response)
        if found != ACTS[tag].answers[account]:
            wrong.append(
                f"{tag}: {account.value} is {told(found)}, "
                f"expected: {told(ACTS[tag].answers[account])} ({response.text[:300]})"
            )
        elif response.is_success != (await acts_done(world) > before):
            wrong.append(
                f"{tag}: {account.value} gets {response.status_code}, but the audit log "
                "says otherwise"
            )
        elif not response.is_success and found == "answered":
            wrong.append(f"{tag}: the example is refused: {response.text[:300]}")
    assert not wrong, "\n".join(wrong)


async def acts_done(world: World) -> int:
    """Return how many entries the audit log has."""
    async with world.whole.database.reading() as connection:
        return (await world.whole.audit.head(connection))[0]
