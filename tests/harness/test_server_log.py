"""The server's log names nobody, also where requests fail that carry names."""

import base64

import pytest

from copconnect import wire
from tests.harness import databank
from tests.harness.disk import no_file_grows_beyond
from tests.harness.evidence import search_log
from tests.harness.officer import Device, Refused
from tests.harness.plaintext import secret_text
from tests.harness.server import ServerProcess

ALICE, BOB = databank.officers()[40:42]


def ask_until_refused(server: ServerProcess, number: str) -> int:
    """Ask for codes until the disk is full. Returns the status of the refusal."""
    with Device(server, ALICE) as device:
        for _ in range(500):
            try:
                body = wire.RequestCode(number=number, language="en")
                device.call("POST", "/v1/registration/numbers", body, wire.CodeRequested)
            except Refused as refused:
                return refused.status
    raise AssertionError("the disk never was full")


def test_the_log_of_failed_requests_names_nobody(server: ServerProcess) -> None:
    with Device(server, ALICE) as device:
        device.register()
        body = wire.Search(asked={"text": BOB.name})
        device.call("POST", "/v1/people/searches", body, wire.People)
        # Room for the log, not for the database.
        with no_file_grows_beyond(server, 64 * 1024):
            assert ask_until_refused(server, BOB.number) >= 500
    log = server.log.read_text()
    assert '"request_failed"' in log
    assert "/v1/registration/numbers" in log
    assert search_log(server) == []


def test_the_search_finds_who_is_named_in_a_log(server: ServerProcess) -> None:
    secret = secret_text("Meet at the gate")
    clean = server.log.read_bytes()
    for leak in (
        f'{{"name": "{BOB.name}"}}'.encode(),
        BOB.name_te.encode(),
        f"no SMS to {BOB.number}".encode(),
        base64.b64encode(f"x{BOB.number}x".encode()),
        b"Meet at the gate",
    ):
        assert search_log(server, [secret]) == []
        server.log.write_bytes(clean + leak)
        assert search_log(server, [secret]) != [], leak
        server.log.write_bytes(clean)


def test_a_search_that_does_not_see_the_log_says_so(server: ServerProcess) -> None:
    server.log.write_bytes(b"")
    with pytest.raises(RuntimeError, match="does not even find"):
        search_log(server)
