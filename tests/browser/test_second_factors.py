"""Registration where the number alone is not enough: a code from a letter."""

from collections.abc import Callable

import pytest

from tests.harness import tour_account
from tests.harness.browser import PHONE, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess


@pytest.fixture(scope="module")
def app_server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """The server of a department that sends letters."""
    return serve(second_factor="enrolment_code")


def test_a_code_from_a_letter(station: Station) -> None:
    officer = station.officer(0)
    looks = Looks(officer, PHONE)
    looks.follow(tour_account.enrolment(officer))
    officer.accept_conduct()
    officer.finish()
    assert looks.told() == []
