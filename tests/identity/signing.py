"""Records that a test's devices sign: endorsements, grants, revocations, DeviceKeys."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from copconnect import wire
from copconnect.auth_service.keys.key_files import load_key
from copconnect.auth_service.trust import device_store
from copconnect.ids import DeviceId, PersonId, new_id
from copconnect.records.primitives.fields import DAY_MS
from copconnect.records.primitives.kem import X25519
from copconnect.records.trust.admin_act import SignedAct
from copconnect.records.trust.department import Department
from copconnect.records.trust.device_key import DeviceKey
from copconnect.records.trust.endorsement import Endorsement, EndorsementKind
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.naming import name_of
from copconnect.records.trust.revocation import Revocation
from tests.harness.operator import OPERATOR
from tests.harness.presence import posted
from tests.identity.running import Device, Running


def root_key(running: Running) -> Ed25519PrivateKey:
    """Return the offline root's key, which a test's folder still holds."""
    return load_key(Path(running.container.settings.data_dir) / "keys" / "root.key.pem")


async def name_root_admin(running: Running, device: Device) -> Department:
    """Make the department record that names a device as a root admin's."""
    return await running.container.auth.departments.name_root_admin(
        OPERATOR, root_key(running), device.device
    )


def endorsement(
    running: Running,
    endorsed: Device,
    endorser: Device,
    kind: EndorsementKind,
    **changes: Any,
) -> Endorsement:
    """Return an endorsement of now, signed by the endorser."""
    made = Endorsement(
        endorsed=endorsed.device,
        endorser=endorser.device,
        kind=kind,
        created=running.container.clock.now_ms(),
    )
    return replace(made, **changes).signed(endorser.key)


def grant(running: Running, grantor: Device, grantee: Device, path: str, **changes: Any) -> Grant:
    """Return a grant of now for 30 days, signed by the grantor."""
    now = running.container.clock.now_ms()
    made = Grant(
        grantor=grantor.device,
        person_id=bytes.fromhex(grantee.person_id),
        created=now,
        not_after=now + 30 * DAY_MS,
        path=path,
    )
    return replace(made, **changes).signed(grantor.key)


def revocation(
    running: Running,
    lost: Device,
    signer: Device,
    standing: Sequence[bytes] = (),
    *,
    lost_at: int | None = None,
    **changes: Any,
) -> Revocation:
    """Return a revocation of now, signed by a device."""
    now = running.container.clock.now_ms()
    made = Revocation(
        device=lost.device,
        lost=now if lost_at is None else lost_at,
        created=now,
        signer=signer.device,
        standing=tuple(sorted(standing)),
    )
    return replace(made, **changes).signed(signer.key)


def device_key(running: Running, device: Device, generation: int, **changes: Any) -> DeviceKey:
    """Return a DeviceKey of now."""
    made = DeviceKey(
        kem=X25519,
        device=device.device,
        generation=generation,
        created=running.container.clock.now_ms(),
        pk=X25519PrivateKey.generate().public_key().public_bytes_raw(),
    )
    return replace(made, **changes).signed(device.key)


async def endorse(
    running: Running, sender: Device, record: Endorsement, *former: Revocation
) -> httpx.Response:
    """``former``: the endorser's revocations of devices that the roster authority revoked."""
    revocations = [one.encode() for one in former]
    body = wire.SubmitEndorsement(endorsement=record.encode(), revocations=revocations)
    return await running.post("/v1/endorsements", sender, body)


def signed_act(running: Running, signer: Device, act: wire.AdminAct, **changes: Any) -> SignedAct:
    """Return an act of now, signed by a device."""
    made = SignedAct(
        device=signer.device,
        act_id=bytes.fromhex(new_id()),
        created=running.container.clock.now_ms(),
        body=msgspec.json.encode(act),
    )
    return replace(made, **changes).signed(signer.key)


async def submit_act(running: Running, sender: Device, record: SignedAct) -> httpx.Response:
    return await running.post("/v1/admin/acts", sender, posted(record))


async def act(running: Running, signer: Device, act: wire.Act) -> httpx.Response:
    """Sign an act and post it."""
    return await submit_act(running, signer, signed_act(running, signer, act))


async def looked_at(running: Running, second: Device, waiting: Any) -> wire.ApproveAct:
    """Open the preview of an act that waits, as the console lists it, and return its approval."""
    record = SignedAct.parse(base64.b64decode(waiting["record"]))
    answer = await running.post("/v1/admin/previews", second, wire.PreviewAct(act=record.body))
    return wire.ApproveAct(
        act_id=waiting["actId"], hash=waiting["hash"], shown=answer.json().get("effect", "")
    )


async def export(
    running: Running, signer: Device, what: wire.Exported, form: wire.ExportForm
) -> httpx.Response:
    """Sign the act of an export and post it."""
    made = signed_act(running, signer, wire.ExportPart(what=what, form=form))
    return await running.post("/v1/admin/exports", signer, posted(made))


async def give(running: Running, sender: Device, record: Grant) -> httpx.Response:
    """Give or withdraw a grant, as an act of the sender."""
    kind = wire.WithdrawGrant if record.withdraws else wire.GiveGrant
    encoded = base64.b64encode(record.encode()).decode()
    body = kind(person_id=PersonId(record.person_id.hex()), path=record.path, grant=encoded)
    return await act(running, sender, body)


async def revoke(running: Running, sender: Device, record: Revocation) -> httpx.Response:
    """Revoke an own device, or another person's by an act of the sender."""
    async with running.container.database.reading() as connection:
        lost = await device_store.by_device(connection, record.device)
    if lost is None or lost.person_id == sender.person_id:
        body = wire.SubmitRevocation(revocation=record.encode())
        return await running.post("/v1/revocations", sender, body)
    asked = wire.RevokeDevice(
        person_id=lost.person_id,
        device=DeviceId(record.device.hex()),
        revocation=base64.b64encode(record.encode()).decode(),
    )
    return await act(running, sender, asked)


async def put_keys(running: Running, device: Device, *keys: DeviceKey) -> httpx.Response:
    body = wire.PutDeviceKeys(keys=[key.encode() for key in keys])
    return await running.http.put(
        "/v1/device-keys",
        headers=device.headers | {"content-type": "application/msgpack"},
        content=running.packed(body),
    )


async def confirmed(running: Running, device: Device) -> str:
    """Return what the server says of a device by E0."""
    me = (await running.get("/v1/me", device)).json()
    return str(me["confirmed"])


async def listed(running: Running, *devices: Device) -> set[bytes]:
    """Return the devices of these devices' people that rosters may list."""
    people: Any = {device.person_id for device in devices}
    async with running.container.database.reading() as connection:
        found = await running.container.registry.devices_of(connection, people)
    return {one.device for one in found}


def refusal(answer: httpx.Response) -> tuple[str, str]:
    """Return the code of a refusal and the rule of docs/keys.md that it names."""
    body = answer.json()
    return body["code"], body["details"].get("rule", "")


def named(one: wire.PersonTrust) -> bytes:
    """Return the name by which a device says that it holds this answer."""
    signed = [*one.devices, *one.certificates, *one.cards, *one.endorsements]
    return name_of([*signed, *one.grants, *one.revocations, *one.keys])
