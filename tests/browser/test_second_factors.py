"""Registration where the number alone is not enough: a code from a letter, or the unit's admin."""

from collections.abc import Callable

import pytest

from tests.harness import tour
from tests.harness.browser import PHONE, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess, run_copconnect


@pytest.fixture(scope="module")
def app_server(
    request: pytest.FixtureRequest, serve: Callable[..., ServerProcess]
) -> ServerProcess:
    """The server with the policy that a test names."""
    return serve(registration_policy=request.param)


@pytest.mark.parametrize("app_server", ["enrolment_code"], indirect=True)
def test_a_code_from_a_letter(station: Station) -> None:
    officer = station.officer(0)
    looks = Looks(officer, PHONE)
    looks.follow(tour.enrolment(officer))
    officer.accept_conduct()
    officer.finish()
    assert looks.told() == []


@pytest.mark.parametrize("app_server", ["approval"], indirect=True)
def test_a_units_admin_approves(station: Station, app_server: ServerProcess) -> None:
    admin, constable = station.officer(0), station.officer(6)
    for _ in tour.waiting(admin):
        # Nobody of the unit is registered yet who could.
        run_copconnect(app_server.data, "admin", "approve", admin.person.number)
    admin.button("firstRun.approval.check").click()
    admin.accept_conduct()
    admin.finish()
    at_constable, at_admin = Looks(constable, PHONE), Looks(admin, PHONE)
    at_constable.follow(tour.waiting(constable))
    at_admin.follow(tour.approvals(admin, constable))
    constable.button("firstRun.approval.check").click()
    constable.accept_conduct()
    constable.finish()
    assert [*at_constable.told(), *at_admin.told()] == []
