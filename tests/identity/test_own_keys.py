"""DeviceKeys (H2, S3, D3, K1), time (T1) and comparing digits (E3)."""

import secrets
from typing import Any

import httpx
import msgspec
import pytest

from copconnect import wire
from copconnect.auth_service.trust.confirming import LIFETIME_MS, MOST_OPEN
from copconnect.auth_service.trust.verdicts.confirmers import Confirmers
from copconnect.bus import AccountWakeup
from copconnect.ids import ConfirmationId, DeviceId, PersonId, new_id
from copconnect.records.primitives.fields import DAY_MS, HOUR_MS
from copconnect.records.trust.sas import sas_commitment, sas_digits
from copconnect.records.trust.time_record import TimeRecord
from tests.contract.statements import Statements
from tests.identity.approved import Force
from tests.identity.running import PATROL, SHO, Device, MovedClock, Running
from tests.identity.signing import device_key, named, put_keys, refusal

pytestmark = pytest.mark.databases("sqlite")


async def usable(running: Running, device: Device) -> list[int]:
    """Return the key ids that a seal to a device may name, as numbers of their record's end."""
    async with running.container.database.reading() as connection:
        found = await running.container.registry.device_keys(connection, [device.device])
    return [int.from_bytes(one.key_id, "big") for one in found.get(device.device, [])]


@pytest.mark.databases("sqlite", "postgresql")
async def test_k1_seals_may_name_the_newest_key_and_the_former_one_for_an_hour(
    running: Running, clock: MovedClock
) -> None:
    sho = await running.device(SHO)
    keys = [device_key(running, sho, generation) for generation in (1, 2)]
    first, second = (int.from_bytes(key.key_id(), "big") for key in keys)
    assert (await put_keys(running, sho, keys[0])).status_code == 204
    assert (await put_keys(running, sho, keys[0])).status_code == 204  # The same bytes again.
    assert await usable(running, sho) == [first]
    clock.ms += 1000
    assert (await put_keys(running, sho, keys[1])).status_code == 204
    assert await usable(running, sho) == [second, first]
    async with running.container.database.reading() as connection:
        named = await running.container.registry.devices_of_keys(
            connection, [keys[0].key_id(), keys[1].key_id(), bytes(16)]
        )
    assert set(named.values()) == {sho.device}
    assert len(named) == 2
    clock.ms += HOUR_MS
    assert await usable(running, sho) == [second]
    (bundle,) = (await running.trust_of(sho, sho.person_id, keys=True)).people
    assert bundle.keys == [keys[1].encode()]
    (without,) = (await running.trust_of(sho, sho.person_id)).people
    assert without.keys == []


async def test_a_new_key_is_news_only_for_those_who_ask_for_keys(running: Running) -> None:
    sho = await running.device(SHO)

    async def news(held: bytes, *, keys: bool) -> list[wire.PersonTrust]:
        asked = [wire.KnownPerson(person_id=PersonId(sho.person_id), held=held)]
        body = wire.LookUpTrust(people=asked, keys=keys)
        answer = await running.post("/v1/people/trust", sho, body)
        return msgspec.json.decode(answer.content, type=wire.PeopleTrust).people

    (plain,), (keyed,) = await news(b"", keys=False), await news(b"", keys=True)
    assert await news(named(plain), keys=False) == await news(named(keyed), keys=True) == []
    await put_keys(running, sho, device_key(running, sho, 1))
    assert await news(named(plain), keys=False) == []
    (newer,) = await news(named(keyed), keys=True)
    assert await news(named(newer), keys=True) == []
    # A device that holds other records gets the news, whatever the server ever answered.
    for held in (bytes(32), named(keyed)):
        assert await news(held, keys=True) == [newer]
    await running.device(SHO)
    assert await news(named(plain), keys=False)
    assert await news(named(newer), keys=True)


async def test_an_answer_that_is_kept_reads_versions_and_plates_alone(running: Running) -> None:
    """A cell's author asks about 256 people, and many authors about the same ones."""
    sho = await running.device(SHO)
    trust, database = running.container.auth.people_trust, running.container.database

    async def asked(keys: list[bytes]) -> int:
        with Statements(database) as statements:
            (found,) = await trust.of({PersonId(sho.person_id): b""}, keys=True)
        assert found.keys == keys
        return len([one for one in statements if one != "BEGIN"])

    await asked([])
    assert await asked([]) == 2
    key = device_key(running, sho, 1)
    await put_keys(running, sho, key)
    assert await asked([key.encode()]) == 3  # The keys again; the other records are as they were.
    assert await asked([key.encode()]) == 2


async def test_d3_keys_that_are_not_the_devices_or_not_valid_are_refused(
    running: Running, clock: MovedClock
) -> None:
    sho, patrol = await running.device(SHO), await running.device(PATROL)
    await put_keys(running, sho, device_key(running, sho, 5))
    refused = {
        "another's": (device_key(running, patrol, 6), "H2"),
        "forged": (device_key(running, sho, 6).signed(patrol.key), "H2"),
        "of small order": (device_key(running, sho, 6, pk=bytes(32)), "H2"),
        "back": (device_key(running, sho, 4), "S3"),
        "same generation": (device_key(running, sho, 5), "S3"),
        "too old": (device_key(running, sho, 6, created=clock.ms - 14 * DAY_MS), "S3"),
        "of the future": (device_key(running, sho, 6, created=clock.ms + HOUR_MS), "S3"),
    }
    for name, (key, rule) in refused.items():
        answer = await put_keys(running, sho, key)
        assert refusal(answer) == ("record_invalid", rule), name
    for junk in (b"x", b"\1\0\x20" + bytes(200)):
        body = running.packed(wire.PutDeviceKeys(keys=[junk]))
        answer = await running.http.put(
            "/v1/device-keys",
            headers=sho.headers | {"content-type": "application/msgpack"},
            content=body,
        )
        assert refusal(answer)[0] == "record_invalid"
    assert len(await usable(running, sho)) == 1


async def test_t1_the_roster_authority_signs_the_time_for_a_nonce(
    running: Running, clock: MovedClock
) -> None:
    sho = await running.device(SHO)
    nonce = new_id()
    answer = await running.post("/v1/time", sho, wire.AskTime(nonce=nonce))
    signed = msgspec.json.decode(answer.content, type=wire.TimeAnswer).time
    record = TimeRecord.parse(signed)
    record.check(running.container.authority.roster.public_key, bytes.fromhex(nonce))
    assert record.time == clock.ms


def confirmation(answer: httpx.Response) -> wire.Confirmation:
    return msgspec.json.decode(answer.content, type=wire.Confirmation)


async def test_e3_a_waiting_phone_is_told_who_compares_digits_with_it(
    approving: Running, force: Force, monkeypatch: pytest.MonkeyPatch
) -> None:
    sho = await approving.device(SHO)
    monkeypatch.setattr(Confirmers.of, "__defaults__", (1,))  # As where many can confirm it.

    async def told_of_the_root_admin() -> bool:
        people = (await approving.trust_of(sho, force.root.person_id)).people
        return force.root.person_id in [one.person_id for one in people]

    assert not await told_of_the_root_admin()
    begin = wire.BeginConfirmation(
        confirmation_id=ConfirmationId(new_id()),
        new_device=DeviceId(sho.device.hex()),
        commitment=sas_commitment(secrets.token_bytes(16), force.root.device),
    )
    assert confirmation(await approving.post("/v1/confirmations", force.root, begin))
    assert await told_of_the_root_admin()


@pytest.mark.databases("sqlite", "postgresql")
async def test_e3_two_devices_compare_digits(approving: Running, force: Force) -> None:
    sho, patrol = await approving.device(SHO), await approving.device(PATROL)
    a, b, one = secrets.token_bytes(16), secrets.token_bytes(16), new_id()
    begin = wire.BeginConfirmation(
        confirmation_id=ConfirmationId(one),
        new_device=DeviceId(sho.device.hex()),
        commitment=sas_commitment(a, force.admin.device),
    )
    answer, reveal = wire.AnswerConfirmation(answer=b), wire.RevealConfirmation(secret=a)
    path = f"/v1/confirmations/{one}"

    server = approving.container
    server.wakeups.clear()
    assert (
        confirmation(await approving.post("/v1/confirmations", force.admin, begin)).answer is None
    )
    assert confirmation(await approving.post("/v1/confirmations", force.admin, begin))  # A retry.
    told = [one for one in server.wakeups if isinstance(one, AccountWakeup)]
    assert set(told[0].client_ids) == {force.admin.client_id, sho.client_id}
    own = (await approving.get("/v1/confirmations", sho)).json()["confirmations"]
    assert [one["confirmationId"] for one in own] == [one]
    assert (await approving.get("/v1/confirmations", patrol)).json()["confirmations"] == []

    early = await approving.post(f"{path}/reveal", force.admin, reveal)
    assert refusal(early)[0] == "bad_request"  # Before the answer.
    assert refusal(await approving.post(f"{path}/answer", patrol, answer))[0] == "not_found"
    for _ in range(2):
        assert confirmation(await approving.post(f"{path}/answer", sho, answer)).answer == b
    other = wire.AnswerConfirmation(answer=secrets.token_bytes(16))
    assert refusal(await approving.post(f"{path}/answer", sho, other))[0] == "bad_request"
    assert refusal(await approving.post(f"{path}/reveal", sho, reveal))[0] == "not_found"
    wrong = wire.RevealConfirmation(secret=secrets.token_bytes(16))
    assert refusal(await approving.post(f"{path}/reveal", force.admin, wrong))[0] == "bad_request"
    seen = confirmation(await approving.post(f"{path}/reveal", force.admin, reveal))
    assert (seen.answer, seen.secret) == (b, a)
    (own,) = (await approving.get("/v1/confirmations", sho)).json()["confirmations"]
    assert own["secret"] is not None
    digits = sas_digits(
        seen.commitment,
        a,
        b,
        endorser=force.admin.device,
        new_device=sho.device,
        root_key=server.authority.root_key,
    )
    assert len(digits) == 6

    deleted = await approving.http.delete(path, headers=sho.headers)
    assert deleted.is_success
    assert refusal(await approving.post(f"{path}/answer", sho, answer))[0] == "confirmation_over"


async def test_e3_comparisons_end_and_are_bounded(
    approving: Running, force: Force, clock: MovedClock
) -> None:
    sho, patrol = await approving.device(SHO), await approving.device(PATROL)

    async def begin(caller: Device, target: Device, one: str = "") -> Any:
        body = wire.BeginConfirmation(
            confirmation_id=ConfirmationId(one or new_id()),
            new_device=DeviceId(target.device.hex()),
            commitment=bytes(32),
        )
        return await approving.post("/v1/confirmations", caller, body)

    assert refusal(await begin(sho, patrol))[0] == "device_unconfirmed"
    assert refusal(await begin(force.admin, force.root))[0] == "endorsement_invalid"
    assert refusal(await begin(force.admin, force.admin))[0] == "endorsement_invalid"
    one = new_id()
    assert (await begin(force.admin, sho, one)).is_success
    assert refusal(await begin(force.admin, patrol, one))[0] == "bad_request"
    for _ in range(MOST_OPEN - 1):
        assert (await begin(force.admin, sho)).is_success
    refused = await begin(force.admin, sho)
    assert refusal(refused)[0] == "rate_limited"
    assert refused.json()["retryAfterMs"] == LIFETIME_MS
    clock.ms += LIFETIME_MS
    over = await approving.post(
        f"/v1/confirmations/{one}/answer", sho, wire.AnswerConfirmation(answer=bytes(16))
    )
    assert (over.status_code, refusal(over)[0]) == (410, "confirmation_over")
    assert (await begin(force.admin, sho)).is_success
