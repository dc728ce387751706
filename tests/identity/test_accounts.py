"""Devices, renewal, revocation and suspension, over HTTP on SQLite and PostgreSQL."""

import base64
import dataclasses
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from copconnect.auth_service.trust import record_store
from copconnect.bus import AccountWakeup
from copconnect.ids import PersonId, new_id
from copconnect.principals import Ended
from copconnect.records.trust.endorsement import EndorsementKind
from copconnect.records.trust.revocation import Revocation
from copconnect.settings import Settings
from tests.harness.operator import OPERATOR
from tests.identity.running import (
    PATROL,
    SHO,
    Device,
    MovedClock,
    Running,
    run,
    synthetic_bank,
)
from tests.identity.signing import endorse, endorsement, listed

pytestmark = pytest.mark.databases("sqlite")

DAY_MS = 24 * 3_600_000


def reason_of(refused: Any) -> Any:
    """Return why a device is signed out, from the refusal it met."""
    assert (refused.status_code, refused.json()["code"]) == (401, "signed_out")
    return refused.json()["details"]["reason"]


async def test_the_certificate_is_what_the_protocol_says(
    running: Running, clock: MovedClock
) -> None:
    device = await running.device(SHO)
    trust = (await running.get("/v1/trust")).json()
    root = x509.load_der_x509_certificate(base64.b64decode(trust["root"]))
    issuing = x509.load_der_x509_certificate(base64.b64decode(trust["issuing"][0]))
    roster = x509.load_der_x509_certificate(
        base64.b64decode(trust["roster_authority".replace("_a", "A")])
    )
    certificate = x509.load_der_x509_certificate(device.certificate)
    root.verify_directly_issued_by(root)
    issuing.verify_directly_issued_by(root)
    roster.verify_directly_issued_by(root)
    certificate.verify_directly_issued_by(issuing)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uri = f"urn:copconnect:client:{device.person_id}:{device.client_id}"
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [uri]
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
    assert common == device.person_id
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert start.timestamp() * 1000 == clock.ms - 3_600_000
    assert (end - start).total_seconds() * 1000 == 90 * DAY_MS + 3_600_000
    names = roster.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "urn:copconnect:roster-authority"
    ]
    signer = running.container.authority.roster
    key = Ed25519PublicKey.from_public_bytes(signer.public_key)
    key.verify(signer.sign(b"head"), b"head")
    assert roster.public_key() == key


async def test_renewal(running: Running, clock: MovedClock) -> None:
    device = await running.device(SHO)
    early = (await running.renew(device, clock.ms)).json()
    assert base64.b64decode(early["certificate"]) == device.certificate
    clock.ms += 60 * DAY_MS + 1000
    renewed = base64.b64decode((await running.renew(device, clock.ms)).json()["certificate"])
    assert renewed != device.certificate
    again = base64.b64decode((await running.renew(device, clock.ms)).json()["certificate"])
    assert again == renewed  # A retry.
    old, new = map(x509.load_der_x509_certificate, (device.certificate, renewed))
    assert old.public_key() == new.public_key()
    device = await running.back(device)
    (bundle,) = (await running.trust_of(device, device.person_id)).people
    assert bundle.certificates == [device.certificate, renewed]
    clock.ms += 31 * DAY_MS
    await running.container.auth.accounts.lapse()
    assert await listed(running, device) == {device.device}


async def test_e2_a_device_whose_certificate_ran_out_is_unlisted_until_it_renews(
    running: Running, clock: MovedClock
) -> None:
    device = await running.device(SHO)
    rosters, accounts = running.container.rosters, running.container.auth.accounts
    rosters.told.clear()
    clock.ms += 90 * DAY_MS
    assert await listed(running, device) == set()
    for _ in range(2):
        await accounts.lapse()
    assert rosters.told == [({device.person_id}, False)]  # Told once.
    assert rosters.listed[device.person_id] == set()
    assert (await running.renew(device, clock.ms)).status_code == 200
    assert rosters.listed[device.person_id] == {device.device}
    assert await listed(running, device) == {device.device}


async def test_certificates_stay_while_the_log_or_a_record_rests_on_them(
    running: Running, clock: MovedClock
) -> None:
    """A device's first stays for ever: no endorsement of it counts before that one (E4)."""
    plain, endorser = await running.device(SHO), await running.device(PATROL)
    clock.ms += 1000
    second = await running.device(PATROL)
    made = endorsement(running, second, endorser, EndorsementKind.OWN_DEVICE)
    assert (await endorse(running, endorser, made)).is_success

    async def certificates(device: Device) -> list[bytes]:
        person_id = PersonId(device.person_id)
        async with running.container.database.reading() as connection:
            records = await record_store.records_of(connection, [person_id])
        return records[person_id].certificates

    async def renewed(device: Device) -> bytes:
        answer = await running.renew(device, clock.ms)
        return base64.b64decode(answer.json()["certificate"])

    clock.ms += 90 * DAY_MS
    of_plain, of_endorser = await renewed(plain), await renewed(endorser)
    # It lasts 90 days, and the log is kept for 180.
    for days, kept in ((90, True), (179, True), (2, False)):
        clock.ms += days * DAY_MS
        await renewed(plain)
        # A legal hold keeps the messages that such a certificate proves.
        running.container.rosters.holds = True
        await running.container.auth.accounts.prune()
        assert of_plain in await certificates(plain)
        running.container.rosters.holds = False
        await running.container.auth.accounts.prune()
        found = await certificates(plain)
        assert plain.certificate in found
        assert (of_plain in found) is kept
        assert {endorser.certificate, of_endorser} <= set(await certificates(endorser))


async def test_renewal_refuses_a_wrong_clock_and_a_wrong_proof(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    device, other = await running.device(SHO), await running.device(PATROL)
    for off in (-3_600_000, 601_000, 2**61):
        refused = await running.renew(device, clock.ms + off)
        assert code_of(refused) == "clock_wrong"
        assert refused.json()["details"]["limit_ms"] == 600_000
    assert (await running.renew(device, clock.ms - 599_000)).status_code == 200
    stolen = dataclasses.replace(device, key=other.key)
    assert code_of(await running.renew(stolen, clock.ms)) == "proof_invalid"


async def test_signing_out_stands_in_the_persons_records(
    running: Running, clock: MovedClock
) -> None:
    first, second = await running.device(SHO), await running.device(SHO)
    clock.ms += 321  # Within a second.
    before = (await running.get("/v1/trust")).json()
    answer = await running.sign_out(second)
    assert (answer.status_code, answer.content) == (204, b"")
    assert reason_of(await running.get("/v1/me", second)) == "signed_out"
    assert reason_of(await running.sign_out(second)) == "signed_out"  # A retry.
    me = (await running.get("/v1/me", first)).json()
    revoked = {client["clientId"]: client["revoked"] for client in me["clients"]}
    assert revoked == {first.client_id: False, second.client_id: True}
    assert (await running.get("/v1/trust")).json() == before  # It is in the records alone.
    (bundle,) = (await running.trust_of(first, first.person_id)).people
    (revocation,) = [Revocation.parse(one) for one in bundle.revocations]
    assert (revocation.device, revocation.lost) == (second.device, clock.ms)


async def test_d3_a_person_has_eight_devices_at_most(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    devices = []
    for _ in range(8):
        devices.append(await running.device(SHO))
        clock.ms += 5 * 3_600_000  # The limit for codes of a number and an address.
    ticket = (await running.step(SHO))["ticket"]
    key, client_id = Ed25519PrivateKey.generate(), new_id()
    refused = await running.certify(ticket, key, client_id)
    assert (refused.status_code, code_of(refused)) == (409, "too_many_devices")
    assert refused.json()["details"] == {"limit": 8}
    await running.sign_out(devices[0])
    assert (await running.certify(ticket, key, client_id)).status_code == 200


@pytest.mark.databases("sqlite", "postgresql")
async def test_why_a_device_is_out_is_told_to_the_holder_of_its_token_or_key(
    running: Running, clock: MovedClock, code_of: Any
) -> None:
    suspended, removed = await running.device(SHO), await running.device(PATROL)
    bank = synthetic_bank()
    left = dataclasses.replace(bank, people=[one for one in bank.people if one.number != PATROL])
    await running.container.editor.suspend(OPERATOR, SHO)
    await running.container.editor.import_bank(OPERATOR, left, remove_missing=True)
    await running.container.wakeup_log.poll()
    for device, reason in ((suspended, "suspended"), (removed, "removed")):
        assert reason_of(await running.get("/v1/me", device)) == reason
        assert reason_of(await running.get("/v1/directory", device)) == reason
        wrong = {"authorization": device.headers["authorization"][:-1] + "?"}
        guessed = await running.http.get("/v1/me", headers=wrong)
        assert guessed.json()["details"] == {}
        assert code_of(guessed) == "unauthenticated"
    clock.ms += 200 * DAY_MS
    await running.container.auth.accounts.prune()
    assert code_of(await running.get("/v1/me", suspended)) == "unauthenticated"
    assert reason_of(await running.renew(suspended, clock.ms)) == "suspended"
    stranger = dataclasses.replace(suspended, key=removed.key)
    assert code_of(await running.renew(stranger, clock.ms)) == "proof_invalid"


async def test_another_node_learns_of_a_sign_out(settings: Settings, clock: MovedClock) -> None:
    async with run(settings, clock) as first, run(settings, clock) as second:
        await first.container.editor.import_bank(OPERATOR, synthetic_bank())
        device = await first.device(SHO)
        assert (await second.get("/v1/directory", device)).status_code == 200
        await first.sign_out(device)
        await second.container.wakeup_log.poll()
        assert (await second.get("/v1/directory", device)).status_code == 401


async def test_a_known_token_costs_no_statement(running: Running, clock: MovedClock) -> None:
    device = await running.device(SHO)
    authenticator = running.container.auth.authenticator
    token = device.headers["authorization"].split()[1]
    await authenticator.authenticate(token)
    before = running.container.database.statements
    for _ in range(10):
        caller = await authenticator.authenticate(token)
        assert caller is not None
        assert caller.client_id == device.client_id
    assert running.container.database.statements == before
    await authenticator.flush_seen()
    assert (await running.get("/v1/me", device)).json()["clients"][0]["lastSeenMs"] == clock.ms
    clock.ms += 60_000
    await authenticator.authenticate(token)
    before = running.container.database.statements
    await authenticator.flush_seen()  # Stored a minute ago: not worth a write.
    assert running.container.database.statements == before
    assert await authenticator.authenticate("made-up") is None


async def test_the_version_of_me_tells_when_the_devices_are_others(running: Running) -> None:
    first = await running.device(SHO)
    authenticator = running.container.auth.authenticator

    async def version() -> str:
        caller = await authenticator.authenticate(first.headers["authorization"].split()[1])
        assert caller is not None
        return caller.me_version

    seen = [await version()]
    assert await version() == seen[0] != ""
    second = await running.device(SHO)
    seen.append(await version())
    await running.container.auth.administering.revoke_client(OPERATOR, second.client_id)
    seen.append(await version())
    await running.device(PATROL)
    assert await version() == seen[-1]
    assert len(set(seen)) == len(seen)


async def test_a_revoked_device_stays_out_when_it_asks_together_with_its_owners_others(
    running: Running,
) -> None:
    first, second = await running.device(SHO), await running.device(SHO)
    stranger = await running.device(PATROL)
    await running.container.auth.administering.revoke_client(OPERATOR, second.client_id)
    tokens = [one.headers["authorization"].split()[1] for one in (first, second, stranger)]
    authenticator = running.container.auth.authenticator
    for _ in range(2):  # Read, then from memory.
        callers = await authenticator.authenticate_all(tokens)
        assert [getattr(one, "client_id", "") for one in callers] == [
            first.client_id,
            "",
            stranger.client_id,
        ]
        ended = callers[1]
        assert isinstance(ended, Ended)
        assert ended.reason == "device_removed"
        assert ended.revocation is not None
        assert Revocation.parse(ended.revocation).device == second.device
        assert reason_of(await running.get("/v1/me", second)) == "device_removed"


async def test_a_revocation_during_a_look_up_is_not_cached(running: Running) -> None:
    device = await running.device(SHO)
    authenticator = running.container.auth.authenticator
    token = device.headers["authorization"].split()[1]
    await authenticator.on_wakeup(AccountWakeup(event="signed_out", person_ids=[], client_ids=[]))
    directory: Any = running.container.directory
    original = directory.active_people

    async def slow(connection: Any, people: Any) -> Any:
        found = await original(connection, people)
        await authenticator.on_wakeup(
            AccountWakeup(event="signed_out", person_ids=[], client_ids=[device.client_id])
        )
        return found

    directory.active_people = slow
    await authenticator.authenticate(token)
    directory.active_people = original
    before = running.container.database.statements
    await authenticator.authenticate(token)
    assert running.container.database.statements > before
