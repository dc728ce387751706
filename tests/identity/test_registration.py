"""Registration and its faults, over HTTP on SQLite and PostgreSQL."""

from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import event, select

from copconnect.auth_service import tables
from copconnect.auth_service.registration.gateway_health import WINDOW_MS
from copconnect.ids import new_id
from copconnect.settings import Settings
from demo import synthetic
from tests.harness.operator import OPERATOR
from tests.identity.running import (
    ACP,
    CP,
    SHO,
    UNKNOWN,
    WRITER,
    MovedClock,
    Running,
    run,
    synthetic_bank,
)

pytestmark = pytest.mark.databases("sqlite")


async def test_an_officer_registers(running: Running) -> None:
    device = await running.device(SHO, conduct=False)
    refused = await running.get("/v1/directory", device)
    assert (refused.status_code, refused.json()["code"]) == (403, "conduct_not_accepted")
    me = (await running.get("/v1/me", device)).json()
    assert me["person"]["number"] == SHO
    assert me["person"]["registered"] is True
    assert me["conductVersion"] is None
    accepted = await running.http.post(
        "/v1/conduct/acceptances",
        headers=device.headers,
        json={"version": me["conductRequired"], "language": "te"},
    )
    assert accepted.json()["conductVersion"] == me["conductRequired"]
    directory = await running.get("/v1/directory", device)
    units = {one["unitId"] for one in directory.json()["units"]}
    assert units == {one.code for one in synthetic_bank().units}


async def test_nobody_learns_whether_a_number_is_known(running: Running) -> None:
    statements: list[str] = []
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # Not what other roles do meanwhile.
        if (
            "auth_" in statement
            or "directory_people" in statement
            or "directory_units" in statement
        ):
            statements.append(statement)

    engine = running.container.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    sms: Any = running.container.auth.sms
    sms.queue = lambda number, _: sent.append(number)

    async def cost(number: str) -> tuple[list[str], set[str], str]:
        statements.clear()
        body = (await running.ask(number)).json()
        wrong = await running.submit(body["challengeId"], "abcdef")
        return list(statements), set(body), wrong.text

    known, unknown = await cost(SHO), await cost(UNKNOWN)
    assert known == unknown
    assert len(known[0]) > 4
    assert sent == [SHO]
    assert msgspec.json.decode(known[2])["code"] == "code_wrong"


async def test_a_gateway_that_is_down_is_said_to_everybody_alike(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "auth_" in statement or "directory_people" in statement:
            statements.append(statement)

    event.listen(running.container.database.engine.sync_engine, "before_cursor_execute", note)
    running.sent.unreachable = True
    for _ in range(2):
        await running.container.auth.sms.check()
    for _ in range(20):  # More than a number or an address may ask for: nothing is counted.
        answers = [await running.ask(number) for number in (SHO, UNKNOWN)]
        assert [one.status_code for one in answers] == [503, 503]
        assert answers[0].content == answers[1].content
    assert answers[0].json()["code"] == "sms_unavailable"
    assert answers[0].json()["retryAfterMs"] > 0
    assert statements == []
    logged = capsys.readouterr().out
    assert "request_failed" not in logged  # 63,000 officers who ask are no 63,000 lines.
    assert logged.count("checks of the gateway fail") == 1
    running.sent.unreachable = False
    await running.container.auth.sms.check()
    assert (await running.step(SHO))["next"] == "device"


async def test_one_officers_lost_text_tells_an_outsider_nothing(
    running: Running, clock: MovedClock
) -> None:
    """While the gateway passes its check and loses texts, the answer to a stranger does not show
    that an officer's text was lost."""
    sms: Any = running.container.auth.sms
    sms.retry_after_s = 0
    running.sent.down = "status 500"
    others = (f"+9179999{number:05}" for number in range(100))  # Nobody's.
    clock.ms += WINDOW_MS - clock.ms % WINDOW_MS
    for number in (SHO, UNKNOWN):
        assert (await running.ask(number)).status_code == 200
        await sms.drained()
        assert (await running.ask(next(others))).status_code == 200
        clock.ms += WINDOW_MS
        assert (await running.ask(next(others))).status_code == 200
    # Three officers within one window: from the next window on it is said to everybody.
    clock.ms += WINDOW_MS
    for number in (CP, ACP, WRITER):
        assert (await running.ask(number)).status_code == 200
    await sms.drained()
    assert (await running.ask(next(others))).status_code == 200
    clock.ms += WINDOW_MS
    answers = [await running.ask(number) for number in (SHO, UNKNOWN)]
    assert [one.status_code for one in answers] == [503, 503]
    assert answers[0].content == answers[1].content
    clock.ms += WINDOW_MS
    running.sent.down = ""
    assert (await running.step(CP))["next"] == "device"


async def test_suspended_people_are_unknown(running: Running) -> None:
    await running.container.editor.suspend(OPERATOR, SHO)
    challenge = (await running.ask(SHO)).json()["challengeId"]
    await running.container.auth.sms.drained()
    assert running.sent.to(SHO) == []
    assert (await running.submit(challenge, "000000")).json()["code"] == "code_wrong"


@pytest.mark.databases("sqlite", "postgresql")
async def test_the_synthetic_bank_has_enrolment_codes(
    settings: Settings, clock: MovedClock, code_of: Any
) -> None:
    lettered = msgspec.structs.replace(settings, second_factor="enrolment_code")
    async with run(lettered, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        ticket = (await server.step(SHO))["ticket"]
        route = "/v1/registration/enrolment-codes"
        body = {"ticket": ticket, "enrolmentCode": synthetic.enrolment_code(CP, 1)}
        assert code_of(await server.http.post(route, json=body)) == "enrolment_code_wrong"
        body["enrolmentCode"] = synthetic.enrolment_code(SHO, 1).lower()
        assert (await server.http.post(route, json=body)).json()["next"] == "device"


async def test_a_code_expires(running: Running, clock: MovedClock, code_of: Any) -> None:
    challenge = (await running.ask(SHO)).json()["challengeId"]
    right = await running.code_for(SHO)
    clock.ms += 5 * 60_000
    assert code_of(await running.submit(challenge, right)) == "code_expired"


async def test_a_code_works_once(running: Running, code_of: Any) -> None:
    challenge = (await running.ask(SHO)).json()["challengeId"]
    right = await running.code_for(SHO)
    assert (await running.submit(challenge, right)).json()["next"] == "device"
    assert code_of(await running.submit(challenge, right)) == "code_expired"


async def test_a_newer_code_leaves_the_older_valid(running: Running, code_of: Any) -> None:
    first = (await running.ask(SHO)).json()["challengeId"]
    older = await running.code_for(SHO)
    second = (await running.ask(SHO)).json()["challengeId"]
    newer = await running.code_for(SHO)
    if newer != older:  # Each code opens its own challenge alone.
        assert code_of(await running.submit(first, newer)) == "code_wrong"
    assert (await running.submit(first, older)).json()["next"] == "device"
    assert (await running.submit(second, newer)).json()["next"] == "device"


async def test_codes_and_tokens_rest_hashed(running: Running) -> None:
    device = await running.device(SHO)
    code = await running.code_for(SHO)
    token = device.headers["authorization"].split()[1]
    async with running.container.database.reading() as connection:
        for table in (tables.challenges, tables.tickets, tables.tokens, tables.clients):
            for row in await connection.execute(select(table)):
                assert code not in [str(value) for value in row]
                assert token not in str(row)


async def test_what_is_no_number(running: Running, code_of: Any) -> None:
    for text in ("", "12", "hello", "+1 23", "７"):
        assert code_of(await running.ask(text)) == "number_invalid"
    assert (await running.ask("౭౦౦౦౦ ౦౦౦౦౪")).status_code == 200  # Telugu digits.


async def test_a_retried_registration_answers_the_same_certificate(running: Running) -> None:
    key, client_id = Ed25519PrivateKey.generate(), new_id()
    ticket = (await running.step(SHO))["ticket"]
    first = (await running.certify(ticket, key, client_id)).json()
    second = (await running.certify(ticket, key, client_id)).json()
    assert first["certificate"] == second["certificate"]
    old = {"authorization": f"Bearer {first['accessToken']}"}
    new = {"authorization": f"Bearer {second['accessToken']}"}
    assert (await running.http.get("/v1/me", headers=old)).status_code == 401
    me = (await running.http.get("/v1/me", headers=new)).json()
    assert [client["clientId"] for client in me["clients"]] == [client_id]


async def test_a_ticket_certifies_one_key(running: Running, code_of: Any) -> None:
    key, client_id = Ed25519PrivateKey.generate(), new_id()
    ticket = (await running.step(SHO))["ticket"]
    await running.certify(ticket, key, client_id)
    other = Ed25519PrivateKey.generate()
    assert code_of(await running.certify(ticket, other, client_id)) == "ticket_invalid"
    assert code_of(await running.certify(ticket, key, new_id())) == "ticket_invalid"
    assert code_of(await running.certify("made-up", key, client_id)) == "ticket_invalid"
    again = (await running.step(SHO))["ticket"]
    # Neither the key nor the id of a device may be registered twice.
    assert code_of(await running.certify(again, key, new_id())) == "proof_invalid"
    assert code_of(await running.certify(again, other, client_id)) == "proof_invalid"


async def test_a_proof_by_another_key_is_refused(running: Running, code_of: Any) -> None:
    class Impostor:
        """Signs with one key, shows another."""

        def public_key(self) -> Any:
            return Ed25519PrivateKey.generate().public_key()

        def sign(self, data: bytes) -> bytes:
            return Ed25519PrivateKey.generate().sign(data)

    ticket = (await running.step(SHO))["ticket"]
    refused = await running.certify(ticket, Impostor(), new_id())  # type: ignore[arg-type]
    assert code_of(refused) == "proof_invalid"


async def test_a_ticket_expires(running: Running, clock: MovedClock, code_of: Any) -> None:
    ticket = (await running.step(SHO))["ticket"]
    clock.ms += 30 * 60_000
    refused = await running.certify(ticket, Ed25519PrivateKey.generate(), new_id())
    assert code_of(refused) == "ticket_invalid"


async def test_suspended_in_the_middle_of_registering(running: Running, code_of: Any) -> None:
    ticket = (await running.step(SHO))["ticket"]
    await running.container.editor.suspend(OPERATOR, SHO)
    refused = await running.certify(ticket, Ed25519PrivateKey.generate(), new_id())
    assert code_of(refused) == "ticket_invalid"
    status = await running.http.post("/v1/registration/status", json={"ticket": ticket})
    assert (status.json()["next"], status.json()["names"]) == ("refused", None)


# --- Second factors ---------------------------------------------------------------------------


async def test_enrolment_codes(settings: Settings, clock: MovedClock, code_of: Any) -> None:
    policy = msgspec.structs.replace(settings, second_factor="enrolment_code")
    async with run(policy, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        async with server.container.database.transaction() as connection:
            person = await server.container.directory.active_by_number(connection, SHO)
            assert person is not None
            codes = {person: "ABCD2345EFGH"}
            await server.container.auth.accounts.store_enrolment_codes(connection, OPERATOR, codes)

        async def enter(ticket: str, code: str) -> Any:
            body = {"ticket": ticket, "enrolmentCode": code}
            return await server.http.post("/v1/registration/enrolment-codes", json=body)

        step = await server.step(SHO)
        assert step["next"] == "enrolment_code"
        refused = await server.certify(step["ticket"], Ed25519PrivateKey.generate(), new_id())
        assert code_of(refused) == "ticket_invalid"
        assert code_of(await enter(step["ticket"], "ABCD2345EFGJ")) == "enrolment_code_wrong"
        assert (await enter(step["ticket"], "abcd-2345 efgh")).json()["next"] == "device"
        # A second registration under way with the same letter.
        second = (await server.step(SHO))["ticket"]
        assert (await enter(second, "ABCD2345EFGH")).json()["next"] == "device"
        key = Ed25519PrivateKey.generate()
        assert (await server.certify(step["ticket"], key, new_id())).status_code == 200
        refused = await server.certify(second, Ed25519PrivateKey.generate(), new_id())
        assert code_of(refused) == "ticket_invalid"

        # Used up, also when the same code is imported again.
        async with server.container.database.transaction() as connection:
            await server.container.auth.accounts.store_enrolment_codes(connection, OPERATOR, codes)
        again = (await server.step(SHO))["ticket"]
        for _ in range(4):
            assert code_of(await enter(again, "ABCD2345EFGH")) == "enrolment_code_wrong"
        assert (await enter(again, "ABCD2345EFGH")).json()["next"] == "refused"
        assert code_of(await enter(again, "ABCD2345EFGH")) == "ticket_invalid"
        # Somebody without a code cannot guess one.
        nobody = (await server.step(WRITER))["ticket"]
        assert code_of(await enter(nobody, "")) == "enrolment_code_wrong"
