"""The server fixture: the real process, which keeps what it promised through a kill."""

from collections.abc import Callable

import httpx
import pytest

from copconnect import wire
from tests.harness import databank
from tests.harness.officer import Device, Refused
from tests.harness.server import ServerProcess

OFFICER = databank.officers()[7]


def test_an_officer_of_the_data_bank_registers_and_survives_a_kill(server: ServerProcess) -> None:
    with Device(server, OFFICER) as device:
        device.register()
        before = device.call("GET", "/v1/me", None, wire.Me)
        assert before.person.names.en == OFFICER.name
        assert before.person.names.te == OFFICER.name_te
        server.restart()
        assert device.call("GET", "/v1/me", None, wire.Me) == before


def test_each_server_is_a_fresh_department(server: ServerProcess) -> None:
    with pytest.raises(LookupError, match="nothing new was sent"):
        server.code_for(OFFICER.number, patience_s=0.2)


def test_settings_reach_the_server(make_server: Callable[..., ServerProcess]) -> None:
    server = make_server(second_factor="enrolment_code", otp_attempts=1)
    with Device(server, OFFICER) as device:
        asked = device.call(
            "POST",
            "/v1/registration/numbers",
            wire.RequestCode(number=OFFICER.number, language="en"),
            wire.CodeRequested,
        )
        code = server.code_for(OFFICER.number)
        submitted = wire.SubmitCode(challenge_id=asked.challenge_id, code=code)
        step = device.call("POST", "/v1/registration/codes", submitted, wire.RegistrationStep)
        assert step.next == "enrolment_code"


def test_refusals_carry_their_code(server: ServerProcess) -> None:
    with Device(server, OFFICER) as device, pytest.raises(Refused) as refused:
        device.call("GET", "/v1/me", None, wire.Me)
    assert (refused.value.status, refused.value.body.code) == (401, "unauthenticated")


def test_stopping_frees_the_port_and_killing_leaves_no_process(server: ServerProcess) -> None:
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")
    server.start()
    server.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")
