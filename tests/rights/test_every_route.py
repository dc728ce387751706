"""Every route of the app refuses everybody whom its line in ``expected_routes.py`` does not name.

The routes come from the app itself, so that a new one without a line fails here by name.
"""

import httpx
import pytest

from copconnect.http.operations import Operations
from tests.rights import examples
from tests.rights.asking import answer_of, told
from tests.rights.expected_routes import ROUTES
from tests.rights.world import SUBJECT, Account, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Accounts that see the number of an officer of the station who heads nothing (test_numbers.py).
SEE_NUMBERS = {Account.HRMS, Account.OFFICER, Account.HEAD, Account.ADMIN, Account.ROOT}

ADVICE = """no rule says who may use {route}.
Add a line to ROUTES in tests/rights/expected_routes.py, below the routes of its kind:

    "{route}": HERE,

with a rule of tests/rights/rules.py, whose comments say which fits. If the server judges the body
before it judges who asks, add a better body to _body in tests/rights/examples.py."""


def routes_of(app: Operations) -> set[str]:
    """Return the operations, as ``GET /v1/things/{name}``."""
    return {f"{row.method} {row.path}" for row in app.rows}


async def test_every_route_has_a_line(world: World) -> None:
    there = routes_of(world.operations)
    for route in sorted(there - ROUTES.keys()):
        raise AssertionError(ADVICE.format(route=route))
    gone = sorted(ROUTES.keys() - there)
    assert not gone, f"tests/rights/expected_routes.py has lines for routes that are gone: {gone}"


async def test_every_route_answers_each_account_as_its_line_says(world: World) -> None:
    wrong: list[str] = []
    for route in sorted(ROUTES, key=_ends):
        rule = ROUTES[route]
        for account in Account:
            response = await ask(world, account, route)
            found = answer_of(response)
            if found != rule.answers[account]:
                wrong.append(
                    f"{route}: {account.value} is {told(found)}, "
                    f"expected: {told(rule.answers[account])} ({response.text[:200]})"
                )
            elif account not in SEE_NUMBERS and SUBJECT in response.text:
                wrong.append(f"{route}: {account.value} is shown a number of the station")
            elif rule.shown is not None:
                shown = any(one in response.text for one in world.ids_of_the_station)
                if shown != (account in rule.shown):
                    wrong.append(f"{route}: {account.value} {_sees(shown)} people of the station")
    assert not wrong, "\n".join(wrong)


async def ask(world: World, account: Account, route: str) -> httpx.Response:
    """Send the example of a route as an account."""
    content = examples.content(world, account, route)
    headers = dict(world.headers[account])
    if content is not None:
        headers["content-type"] = "application/msgpack"
    method = route.partition(" ")[0]
    return await world.http.request(
        method, examples.path(world, route), headers=headers, content=content
    )


def _ends(route: str) -> bool:
    """Return whether the route's request ends something that others ask about."""
    return route.startswith("DELETE")


def _sees(shown: bool) -> str:
    return "learns of" if shown else "does not learn of"
