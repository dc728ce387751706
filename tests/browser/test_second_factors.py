"""Registration with a code from a letter: beside a text, and in place of one."""

from collections.abc import Callable

import pytest

from tests.harness import tour_account
from tests.harness.browser import PHONE, Station
from tests.harness.looks import Looks
from tests.harness.server import ServerProcess


@pytest.fixture(scope="module")
def app_server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """The server of a department that sends letters, and one text a day to a number."""
    return serve(second_factor="enrolment_code", otp_per_number_and_address_per_day=1)


def test_a_code_from_a_letter(station: Station) -> None:
    officer = station.officer(0)
    looks = Looks(officer, PHONE)
    looks.follow(tour_account.enrolment(officer))
    officer.accept_conduct()
    officer.finish()
    assert looks.told() == []


def test_an_enrolment_code_when_the_texts_of_the_day_are_used_up(station: Station) -> None:
    officer = station.officer(1)
    looks = Looks(officer, PHONE)
    looks.follow(tour_account.without_text(officer))
    officer.accept_conduct()
    officer.finish()
    assert looks.told() == []
