"""Registration: number, code, second factor, certificate; then the code of conduct.

Invariants: the device key and client id are stored before they are sent, so that a registration
whose answer was lost is repeated with the same key; root and department records are pinned here.
"""

import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.bot.failures import BotFailure, Untrusted
from copconnect.bot.net.api import Api
from copconnect.bot.state.rows import AccountRow, RegistrationRow
from copconnect.bot.state.stores import Stores
from copconnect.bot.trust.clock import Clocks
from copconnect.bot.trust.department import DepartmentTrust
from copconnect.ids import ClientId, new_id
from copconnect.records.primitives import ed25519
from copconnect.records.primitives.fields import Refused, require
from copconnect.records.trust.device import Certificate, device_id

_PROOF_LABEL = b"copconnect register v1\0"
_ONE = "one"


async def register(
    api: Api, stores: Stores, step: wire.RegistrationStep, *, label: str, clocks: Clocks
) -> AccountRow:
    """Make the device key, get its certificate, and store the account. ``step``: the server's
    answer to code and second factor. Raises BotFailure, Untrusted."""
    if step.next != "device":
        raise BotFailure("the registration was refused: ask the department's administrators")
    pending = stores.registration.get(_ONE)
    if pending is None or pending.ticket != step.ticket:
        pending = RegistrationRow(
            ticket=step.ticket,
            client_id=ClientId(new_id()),
            private_key=secrets.token_bytes(32),
        )
        stores.registration.put(_ONE, pending)
    signer = Ed25519PrivateKey.from_private_bytes(pending.private_key)
    public = ed25519.public_bytes(signer)
    client = bytes.fromhex(pending.client_id)
    body = wire.RegisterClient(
        ticket=pending.ticket,
        client_id=pending.client_id,
        signature_public_key=public,
        proof=signer.sign(_PROOF_LABEL + pending.ticket.encode() + client + public),
        label=label,
    )
    answer = await api.register(body)
    trust = DepartmentTrust.open(answer.trust, answer.trust.root)
    person = bytes.fromhex(answer.person_id)
    device = device_id(person, client, public)
    if answer.device != device.hex() or answer.client_id != pending.client_id:
        raise Untrusted("the server answered about another device")
    check_certificate(answer.certificate, trust, device, public)
    row = AccountRow(
        server=api.http.server,
        person_id=answer.person_id,
        client_id=pending.client_id,
        device=answer.device,
        private_key=pending.private_key,
        access_token=answer.access_token,
        token_expires_ms=answer.token_expires_ms,
        certificate=answer.certificate,
        registered_ms=clocks.wall(),
        pinned_root=answer.trust.root,
        trust=answer.trust,
        departments=[record.encode() for record in trust.departments],
        incarnation=None if trust.incarnation is None else trust.incarnation.encode(),
        once_key=secrets.token_bytes(32),
    )
    with stores.transaction():
        stores.put_account(row)
        stores.registration.delete(_ONE)
    return row


def check_certificate(
    der: bytes, trust: DepartmentTrust, device: bytes, public_key: bytes
) -> Certificate:
    """Return a certificate, which must be this device's. Raises Untrusted."""
    try:
        certificate = Certificate.parse(der, trust.issuing_keys)
        own = certificate.device == device and certificate.public_key == public_key
        require(own, "E0", "certificate of another device")
    except Refused as error:
        raise Untrusted(str(error)) from error
    return certificate
