"""The roles that say who is who, in the test's process, on each database, at times that a test
sets."""

import base64
import csv
import hashlib
import io
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.auth_service import rules
from copconnect.auth_service.registration.gateway import NO_FIELDS, GatewayDown
from copconnect.directory import databank
from copconnect.ids import ClientId, PersonId, new_id
from copconnect.settings import Settings
from demo import synthetic
from tests.identity.identity_server import IdentityServer, identity_app

START_MS = 1_800_000_000_000
PEOPLE = 60
DGP, CP, DCP, ACP, SHO = (f"+91700000000{i}" for i in range(5))
WRITER, PATROL = "+917000000007", "+917000000008"
UNKNOWN = "+917999999999"


class MovedClock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


@cache
def synthetic_files() -> Mapping[str, bytes]:
    """The files of a synthetic force without most of its units: each that has people stays, with
    those above it, and three in each of these. Every import writes all units, of which the whole
    force has 1,236."""
    files = synthetic.write(PEOPLE, 1)
    people, units = (
        [*csv.DictReader(io.StringIO(files[name].decode()))] for name in ("people", "units")
    )
    parents = {row["code"]: row["parent"] for row in units}
    used = {""}
    for row in people:
        unit = row["unit"]
        while unit not in used:
            used.add(unit)
            unit = parents[unit]
    kept, within = io.StringIO(), Counter[str]()
    table = csv.DictWriter(kept, units[0])
    table.writeheader()
    for row in units:
        within[row["parent"]] += 1
        if row["code"] in used or (row["parent"] in used and within[row["parent"]] <= 3):
            table.writerow(row)
    return {**files, "units": kept.getvalue().encode()}


@cache
def synthetic_bank() -> databank.DataBank:
    bank = databank.read(synthetic_files())
    assert not bank.problems
    return bank


@dataclass
class Device:
    """A registered device of a test."""

    client_id: ClientId
    person_id: PersonId
    key: Ed25519PrivateKey
    certificate: bytes
    headers: dict[str, str]
    device: bytes


class SentTexts:
    """Replaces the SMS gateway of one server: keeps what was sent, as (number, text)."""

    name = "a list"

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.down = ""  # Why it takes no texts, if it does not.
        self.unreachable = False  # Whether checks find that out.

    async def send(self, number: str, text: str, more: Mapping[str, object] = NO_FIELDS) -> None:
        del more
        if self.down:
            raise GatewayDown(self.down)
        self.texts.append((number, text))

    async def check(self) -> str:
        if self.unreachable:
            raise GatewayDown("ConnectError")
        return ""

    async def close(self) -> None:
        """Nothing to release."""

    def to(self, number: str) -> list[str]:
        """Return the texts that were sent to a number, oldest first."""
        return [text for other, text in self.texts if other == number]


def _forwarded(address: str) -> dict[str, str]:
    return {"x-forwarded-for": address} if address else {}


class Running:
    """A started server and a client to talk to it."""

    def __init__(self, container: IdentityServer, http: httpx.AsyncClient, sent: SentTexts) -> None:
        self.container = container
        self.http = http
        self.sent = sent

    async def code_for(self, number: str) -> str:
        """Return the newest OTP that was sent to a number."""
        await self.container.auth.sms.drained()
        return self.sent.to(number)[-1].split()[0]

    async def ask(self, number: str, address: str = "") -> httpx.Response:
        """Ask for a code; ``address``: where a proxy saw the request come from."""
        body = {"number": number, "language": "en"}
        return await self.http.post(
            "/v1/registration/numbers", json=body, headers=_forwarded(address)
        )

    async def submit(self, challenge: str, code: str, address: str = "") -> httpx.Response:
        body = {"challengeId": challenge, "code": code}
        return await self.http.post(
            "/v1/registration/codes", json=body, headers=_forwarded(address)
        )

    async def step(self, number: str) -> Any:
        """Ask for a code, submit it, return the RegistrationStep."""
        challenge = (await self.ask(number)).json()["challengeId"]
        return (await self.submit(challenge, await self.code_for(number))).json()

    async def certify(
        self, ticket: str, key: Ed25519PrivateKey, client_id: str, label: str = "Phone"
    ) -> httpx.Response:
        public = key.public_key().public_bytes_raw()
        proof = key.sign(rules.registration_proof(ticket, client_id, public))
        body = {
            "ticket": ticket,
            "clientId": client_id,
            "signaturePublicKey": base64.b64encode(public).decode(),
            "proof": base64.b64encode(proof).decode(),
            "label": label,
        }
        return await self.http.post("/v1/registration/clients", json=body)

    async def renew(self, device: Device, created_ms: int, token: str = "") -> httpx.Response:
        """Renew a device's certificate and let it have a token."""
        token_hash = hashlib.sha256(token.encode()).digest()
        proof = device.key.sign(rules.renewal_proof(device.client_id, created_ms, token_hash))
        body = {
            "clientId": device.client_id,
            "createdMs": created_ms,
            "tokenHash": base64.b64encode(token_hash).decode(),
            "proof": base64.b64encode(proof).decode(),
        }
        return await self.http.post("/v1/certificates", json=body)

    async def back(self, device: Device) -> Device:
        """Return a device after its token expired, with another token."""
        token = new_id()
        answer = await self.renew(device, self.container.clock.now_ms(), token)
        assert answer.status_code == 200, answer.text
        return replace(device, headers={"authorization": f"Bearer {token}"})

    async def sign_out(self, device: Device) -> httpx.Response:
        """Sign a device out by its own key."""
        created_ms = self.container.clock.now_ms()
        proof = device.key.sign(rules.sign_out_proof(device.client_id, created_ms))
        body = {
            "clientId": device.client_id,
            "createdMs": created_ms,
            "proof": base64.b64encode(proof).decode(),
        }
        return await self.http.post("/v1/sign-out", json=body)

    async def device(self, number: str, *, conduct: bool = True) -> Device:
        """Register a device of a person."""
        key, client_id = Ed25519PrivateKey.generate(), new_id()
        ticket = (await self.step(number))["ticket"]
        answer = (await self.certify(ticket, key, client_id)).json()
        headers = {"authorization": f"Bearer {answer['accessToken']}"}
        if conduct:
            version = await self.container.conduct.current()
            await self.http.post(
                "/v1/conduct/acceptances",
                headers=headers,
                json={"version": version, "language": "en"},
            )
        return Device(
            ClientId(client_id),
            answer["personId"],
            key,
            base64.b64decode(answer["certificate"]),
            headers,
            bytes.fromhex(answer["device"]),
        )

    async def post(self, path: str, device: Device, body: Any) -> httpx.Response:
        """Post a wire struct."""
        headers = device.headers | {"content-type": "application/msgpack"}
        return await self.http.post(path, headers=headers, content=self.packed(body))

    async def people(self, device: Device, **asked: str) -> httpx.Response:
        """Search the directory for people."""
        return await self.post("/v1/people/searches", device, wire.Search(asked=asked))

    def packed(self, body: Any) -> bytes:
        """Return a wire struct as it is sent."""
        return msgspec.msgpack.encode(body)

    async def trust_of(self, device: Device, *people: str, keys: bool = False) -> wire.PeopleTrust:
        """Ask for all that is signed about people."""
        asked = [wire.KnownPerson(person_id=PersonId(one), held=b"") for one in people]
        answer = await self.post(
            "/v1/people/trust", device, wire.LookUpTrust(people=asked, keys=keys)
        )
        return msgspec.json.decode(answer.content, type=wire.PeopleTrust)

    async def get(self, path: str, device: Device | None = None) -> httpx.Response:
        return await self.http.get(path, headers=device.headers if device else {})


@asynccontextmanager
async def run(settings: Settings, clock: MovedClock) -> AsyncIterator[Running]:
    """Start a server and stop it."""
    sent = SentTexts()
    container = IdentityServer(settings, clock, sent)
    app: Any = identity_app(settings, container)
    await container.start()
    try:
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            yield Running(container, http, sent)
    finally:
        await container.close()
