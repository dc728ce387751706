"""Limits of registration, and outsiders who use them up, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect.auth_service.rules import HOUR_MS
from copconnect.ids import new_id
from copconnect.settings import Settings
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


async def test_five_wrong_codes_end_the_challenge(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    challenge = (await running.ask(SHO)).json()["challengeId"]
    right = await running.code_for(SHO)
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        assert code_of(await running.submit(challenge, wrong)) == "code_wrong"
    assert code_of(await running.submit(challenge, right)) == "code_tries_used_up"
    assert code_of(await running.submit(challenge, wrong)) == "code_tries_used_up"
    clock.ms += 5 * 60_000
    assert code_of(await running.submit(challenge, right)) == "code_expired"


async def test_the_end_of_tries_tells_nothing_of_a_number(running: Running) -> None:
    answers: list[list[str]] = []
    for number in (SHO, UNKNOWN):
        challenge = (await running.ask(number)).json()["challengeId"]
        answers.append([(await running.submit(challenge, "abcdef")).text for _ in range(7)])
    assert answers[0] == answers[1]
    assert "code_tries_used_up" in answers[0][-1]


async def test_guessing_across_numbers_lengthens_codes_and_locks_nobody_out(
    settings: Settings, clock: MovedClock, code_of: Any
) -> None:
    """Wrong codes from many addresses make codes longer, for a while, and refuse nobody."""
    limited = msgspec.structs.replace(settings, otp_failures_per_hour=6)
    clock.ms -= clock.ms % HOUR_MS
    async with run(limited, clock) as server, run(limited, clock) as another_node:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        open_before = (await server.ask(SHO)).json()
        short = await server.code_for(SHO)
        assert (open_before["codeLength"], len(short)) == (6, 6)
        for number in (ACP, CP, UNKNOWN):
            challenge = (await server.ask(number)).json()["challengeId"]
            for node in (server, another_node):
                assert code_of(await node.submit(challenge, "wrong")) == "code_wrong"
            clock.ms += 60_000
        # Codes that were sent before are too short now, on every node: guessing goes by them.
        assert code_of(await another_node.submit(open_before["challengeId"], short)) == (
            "code_expired"
        )
        asked = (await server.ask(SHO)).json()
        code = await server.code_for(SHO)
        assert (asked["codeLength"], len(code)) == (7, 7)
        assert (await another_node.submit(asked["challengeId"], code)).json()["next"] == "device"
        # An hour later codes are short again.
        clock.ms += HOUR_MS
        await server.container.auth.registration.prune()
        assert (await server.ask(SHO)).json()["codeLength"] == 6


async def test_outsiders_who_ask_for_many_codes_keep_no_number_from_its_first(
    settings: Settings, clock: MovedClock
) -> None:
    limited = msgspec.structs.replace(settings, otp_total_per_minute=2)
    async with run(limited, clock) as server:
        answers = [await server.ask(CP) for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]  # Repeats count.
        assert answers[-1].json()["details"]["limit"] == "repeated_codes_per_minute"
        assert (await server.ask(SHO)).status_code == 200
        clock.ms += answers[-1].json()["retryAfterMs"]
        assert (await server.ask(CP)).status_code == 200


@asynccontextmanager
async def behind_a_proxy(settings: Settings, clock: MovedClock) -> AsyncIterator[Running]:
    """Serve with the limits of the default settings; each request names its caller's address."""
    shipped = Settings()
    limits = {
        name: getattr(shipped, name) for name in Settings.__struct_fields__ if name[:4] == "otp_"
    }
    behind = msgspec.structs.replace(settings, **limits, trusted_proxies=1)
    async with run(behind, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        yield server


async def test_an_outsider_keeps_no_number_from_registering(
    settings: Settings, clock: MovedClock
) -> None:
    """Issue 25, row 11: an officer on his own address always gets a code."""
    async with behind_a_proxy(settings, clock) as server:
        for hour in range(6):
            for _ in range(5):
                await server.ask(SHO, "192.0.2.66")
                clock.ms += 31_000
            asked = await server.ask(SHO, f"198.51.100.{hour}")
            assert asked.status_code == 200, asked.text
            code = await server.code_for(SHO)
            # Requests meanwhile void nothing, from whichever address.
            await server.ask(SHO, "192.0.2.66")
            await server.ask(SHO, "192.0.2.67")
            step = await server.submit(asked.json()["challengeId"], code, f"198.51.100.{hour}")
            assert step.json()["next"] == "device"
            clock.ms += HOUR_MS - 5 * 31_000
        # No more texts than the budget of an address came of it.
        await server.container.auth.sms.drained()
        assert len(server.sent.to(SHO)) <= 5 + 6 + 6


async def test_an_outsider_shuts_out_nobody_behind_the_same_address(
    settings: Settings, clock: MovedClock
) -> None:
    """A carrier's address is shared by thousands: requests for other numbers, and wrong codes for
    challenges that nobody has, keep none of them from a code."""
    shared = "203.0.113.7"
    async with behind_a_proxy(settings, clock) as server:
        for i in range(70):
            assert (await server.ask(f"+9179999{i:05}", shared)).status_code == 200
        for _ in range(310):
            await server.submit(new_id(), "000000", shared)
        asked = await server.ask(SHO, shared)
        assert asked.status_code == 200
        step = await server.submit(asked.json()["challengeId"], await server.code_for(SHO), shared)
        assert step.json()["next"] == "device"


async def test_one_address_asks_for_so_many_numbers_an_hour(
    settings: Settings, clock: MovedClock
) -> None:
    """One address neither fills the queue of texts nor lengthens everybody's codes."""
    few = msgspec.structs.replace(settings, otp_numbers_per_address_per_hour=3, trusted_proxies=1)
    async with run(few, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        for i in range(3):
            assert (await server.ask(f"+9179999{i:05}", "203.0.113.7")).status_code == 200
        refused = await server.ask(SHO, "203.0.113.7")
        assert refused.json()["details"]["limit"] == "numbers_per_address"
        assert refused.json()["code"] == "texts_used_up"  # An enrolment code registers meanwhile.
        letter = await letter_for(server, SHO)
        assert (await enter_letter(server, letter, SHO, "203.0.113.7")).status_code == 200
        assert (await server.ask(SHO, "192.0.2.1")).status_code == 200
        clock.ms += refused.json()["retryAfterMs"]
        assert (await server.ask(SHO, "203.0.113.7")).status_code == 200


async def test_the_budgets_of_a_number(settings: Settings, clock: MovedClock) -> None:
    """Five a day for an address; addresses that ask again share fifty; an address's first request
    passes."""
    async with behind_a_proxy(settings, clock) as server:
        taken = 0
        for host in range(13):
            for turn in range(6):
                answer = await server.ask(SHO, f"192.0.2.{host}")
                if turn == 0:
                    assert answer.status_code == 200
                if answer.status_code == 200:
                    taken += 1
                else:
                    assert answer.json()["code"] == "texts_used_up"
                    assert answer.json()["details"]["limit"] in (
                        "codes_per_number_and_address",
                        "codes_per_number",
                    )
                clock.ms += 30_000
        assert taken == 50 + 3  # Ten addresses used the fifty up; three more asked once each.
        refused = await server.ask(SHO, "192.0.2.12")
        assert refused.json()["details"]["limit"] == "codes_per_number"
        clock.ms += refused.json()["retryAfterMs"]
        assert (await server.ask(SHO, "192.0.2.12")).status_code == 200


async def test_guesses_at_one_number_lengthen_its_codes_alone(
    settings: Settings, clock: MovedClock, code_of: Any
) -> None:
    async with behind_a_proxy(settings, clock) as server:
        short = (await server.ask(SHO, "198.51.100.9")).json()["challengeId"]
        code = await server.code_for(SHO)
        for number in (SHO, UNKNOWN):
            for host in range(10):  # Fifty wrong codes from ten addresses.
                asked = (await server.ask(number, f"192.0.2.{host}")).json()
                assert asked["codeLength"] == 6
                for _ in range(7):  # Tries beyond the fifth count for nothing.
                    await server.submit(asked["challengeId"], "wrong", f"192.0.2.{host}")
            assert (await server.ask(number, "198.51.100.1")).json()["codeLength"] == 7
        assert code_of(await server.submit(short, code)) == "code_expired"
        await server.container.auth.sms.drained()
        assert len(server.sent.to(SHO)[-1].split()[0]) == 7
        assert (await server.ask(CP, "198.51.100.1")).json()["codeLength"] == 6
        clock.ms += 24 * HOUR_MS
        assert (await server.ask(SHO, "198.51.100.1")).json()["codeLength"] == 6


@pytest.mark.databases("sqlite", "postgresql")
async def test_limits_for_a_number_survive_a_restart(settings: Settings, clock: MovedClock) -> None:
    limited = msgspec.structs.replace(
        settings, otp_resend_ms=30_000, otp_per_number_and_address_per_day=3
    )
    async with run(limited, clock) as server:
        await server.container.editor.import_bank(OPERATOR, synthetic_bank())
        assert (await server.ask(SHO)).status_code == 200
        soon = await server.ask(SHO)
        assert (soon.status_code, soon.json()["code"]) == (429, "rate_limited")
        assert soon.json()["retryAfterMs"] == 30_000
        for _ in range(2):
            clock.ms += 30_000
            assert (await server.ask(SHO)).status_code == 200
    async with run(limited, clock) as server:
        clock.ms += 30_000
        refused = await server.ask("70000 00004")  # The same number, typed otherwise.
        assert refused.status_code == 429
        assert refused.json()["retryAfterMs"] == 24 * HOUR_MS - 90_000
        assert (await server.ask(WRITER)).status_code == 200
        await server.container.auth.registration.prune()
        assert (await server.ask(SHO)).status_code == 429
        clock.ms += refused.json()["retryAfterMs"]
        assert (await server.ask(SHO)).status_code == 200


async def test_a_caller_cannot_choose_the_address_that_it_counts_under(
    settings: Settings, clock: MovedClock
) -> None:
    change = {"otp_per_number_and_address_per_day": 2, "trusted_proxies": 1}
    answers = []
    async with run(msgspec.structs.replace(settings, **change), clock) as server:
        for i in range(3):
            # The caller's claim, and the header that a proxy adds after it.
            answer = await server.http.post(
                "/v1/registration/numbers",
                json={"number": SHO, "language": "en"},
                headers=[("x-forwarded-for", f"6.6.6.{i}"), ("x-forwarded-for", "192.0.2.9")],
            )
            answers.append(answer.status_code)
    assert answers == [200, 200, 429]


@pytest.mark.databases("sqlite", "postgresql")
async def test_an_enrolment_code_registers_a_number_without_texts(
    settings: Settings, clock: MovedClock, code_of: Any
) -> None:
    """Issue 26, 3.1: an officer whose texts of the day somebody spent registers all the same."""
    home = "198.51.100.1"
    async with behind_a_proxy(settings, clock) as server:
        letter = await letter_for(server, SHO)

        async def enter(code: str, number: str = SHO, address: str = home) -> httpx.Response:
            return await enter_letter(server, code, number, address)

        # Texts first: they tell the person whose letter was stolen.
        assert code_of(await enter(letter)) == "text_possible"
        for number in (SHO, UNKNOWN):
            await spend_texts(server, clock, number, home)
            refused = await server.ask(number, home)
            assert (refused.status_code, code_of(refused)) == (429, "texts_used_up")
        wrong = [await enter("ABCD-2345-EFGH", number) for number in (SHO, UNKNOWN)]
        assert wrong[0].text == wrong[1].text
        assert code_of(wrong[0]) == "enrolment_code_wrong"
        assert code_of(await enter(letter, address="192.0.2.1")) == "text_possible"
        first, second = (await enter(letter.lower())).json(), (await enter(letter)).json()
        assert first["next"] == second["next"] == "device"
        # A letter is good for one device, whatever the second factor is.
        key = Ed25519PrivateKey.generate()
        assert (await server.certify(first["ticket"], key, new_id())).status_code == 200
        late = await server.certify(second["ticket"], Ed25519PrivateKey.generate(), new_id())
        assert code_of(late) == "ticket_invalid"
        assert code_of(await enter(letter)) == "enrolment_code_wrong"
        # A code that an admin replaced opens nothing, and does not use the new one up.
        stolen = (await enter(await letter_for(server, SHO))).json()["ticket"]
        letter = await letter_for(server, SHO)
        late = await server.certify(stolen, Ed25519PrivateKey.generate(), new_id())
        assert code_of(late) == "ticket_invalid"
        clock.ms += 24 * HOUR_MS
        await spend_texts(server, clock, SHO, home)
        assert (await enter(letter)).json()["next"] == "device"


async def test_tries_of_enrolment_codes_count_by_number_and_address(
    settings: Settings, clock: MovedClock, code_of: Any
) -> None:
    outsider, home = "192.0.2.66", "198.51.100.1"
    async with behind_a_proxy(settings, clock) as server:
        letter = await letter_for(server, SHO)
        answers = []
        for number in (SHO, UNKNOWN):
            for address in (outsider, home):
                await spend_texts(server, clock, number, address)
            for code in [*["wrong"] * 5, letter]:
                answers.append(await enter_letter(server, code, number, outsider))
        refused = [*["enrolment_code_wrong"] * 5, "rate_limited"]
        assert [code_of(one) for one in answers] == 2 * refused
        # An outsider's tries do not count for the officer's address.
        assert (await enter_letter(server, letter, SHO, home)).json()["next"] == "device"


async def letter_for(server: Running, number: str) -> str:
    """Return a new enrolment code for the person with a number."""
    async with server.container.database.reading() as connection:
        person = await server.container.directory.active_by_number(connection, number)
    assert person is not None
    [code] = await server.container.auth.administering.make_enrolment_codes(OPERATOR, [person])
    return code


async def enter_letter(server: Running, code: str, number: str, address: str) -> httpx.Response:
    """Register with an enrolment code in place of a text."""
    return await server.http.post(
        "/v1/registration/without-text",
        json={"number": number, "enrolmentCode": code},
        headers={"x-forwarded-for": address},
    )


async def spend_texts(server: Running, clock: MovedClock, number: str, address: str) -> None:
    """Ask for all the texts of a day that one address may ask for."""
    for _ in range(5):
        assert (await server.ask(number, address)).status_code == 200
        clock.ms += 31_000
