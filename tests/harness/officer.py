"""An officer's device as far as HTTP goes: registers for real and calls the API.

It signs with its key and reads no messages; tests that need messages use the client core.
"""

import base64
import secrets
import time
from typing import Any, Self, TypeVar

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from copconnect import wire
from copconnect.ids import ClientId, PersonId
from copconnect.records.primitives.fields import DAY_MS
from copconnect.records.trust.admin_act import SignedAct
from copconnect.records.trust.endorsement import Endorsement, EndorsementKind
from copconnect.records.trust.grant import Grant
from copconnect.records.trust.revocation import Revocation
from tests.harness import databank
from tests.harness.presence import posted
from tests.harness.server import ServerProcess, run_copconnect
from tests.harness.waiting import NO_TLS, PATIENCE_S, until

MSGPACK = "application/msgpack"
PROOF = b"copconnect register v1\0"

T = TypeVar("T")


class Refused(Exception):
    """The server refused; ``body`` says why."""

    def __init__(self, status: int, body: wire.ErrorBody) -> None:
        super().__init__(f"{status} {body.code}")
        self.status = status
        self.body = body


class Device:
    """One client of one officer."""

    def __init__(self, server: ServerProcess, officer: databank.Officer) -> None:
        self.officer = officer
        self.client_id = secrets.token_hex(16)
        self.person_id = ""
        self.device = b""
        self.http = httpx.Client(
            base_url=server.url, headers={"accept": MSGPACK}, timeout=PATIENCE_S, verify=NO_TLS
        )
        self._server = server
        self._key = Ed25519PrivateKey.generate()

    @property
    def signer(self) -> Ed25519PrivateKey:
        """Its signature key."""
        return self._key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def call(self, method: str, path: str, body: Any, answer: type[T]) -> T:
        """Call the API. Raises Refused for any error that the server documents."""
        content = None if body is None else msgspec.msgpack.encode(body)
        response = self.http.request(
            method, path, content=content, headers={"content-type": MSGPACK}
        )
        if response.is_success:
            return msgspec.msgpack.decode(response.content, type=answer)
        raise Refused(
            response.status_code, msgspec.msgpack.decode(response.content, type=wire.ErrorBody)
        )

    def register(self) -> Self:
        """Prove the number, get the certificate, accept the code of conduct."""
        number = self.officer.number
        asked = self.call(
            "POST",
            "/v1/registration/numbers",
            wire.RequestCode(number=number, language="en"),
            wire.CodeRequested,
        )
        step = self.call(
            "POST",
            "/v1/registration/codes",
            wire.SubmitCode(challenge_id=asked.challenge_id, code=self._server.code_for(number)),
            wire.RegistrationStep,
        )
        if step.next == "enrolment_code":
            step = self.call(
                "POST",
                "/v1/registration/enrolment-codes",
                wire.SubmitEnrolmentCode(
                    ticket=step.ticket, enrolment_code=self.officer.enrolment_code
                ),
                wire.RegistrationStep,
            )
        client = bytes.fromhex(self.client_id)
        public = self._key.public_key().public_bytes_raw()
        registered = self.call(
            "POST",
            "/v1/registration/clients",
            wire.RegisterClient(
                ticket=step.ticket,
                client_id=ClientId(self.client_id),
                signature_public_key=public,
                proof=self._key.sign(PROOF + step.ticket.encode() + client + public),
                label="test device",
            ),
            wire.ClientRegistered,
        )
        self.person_id = registered.person_id
        self.device = bytes.fromhex(registered.device)
        self.http.headers["authorization"] = f"Bearer {registered.access_token}"
        code = self.call("GET", "/v1/conduct?language=en", None, wire.ConductCode)
        self.call(
            "POST",
            "/v1/conduct/acceptances",
            wire.AcceptConduct(version=code.version, language="en"),
            wire.Me,
        )
        return self

    def become_root_admin(self) -> None:
        """Let the offline root's key, which a test's folder holds, name this device."""
        key = self._server.data / "keys" / "root.key.pem"
        name = ("admin", "grant", self.officer.number, str(key), "--client", self.client_id)
        run_copconnect(self._server.data, *name)
        until(lambda: self.me().confirmed == "root_admin", "naming the root admin")
        # The server learns of another process's change within a second.
        until(self._is_let_in, "letting the root admin in")

    def _is_let_in(self) -> bool:
        try:
            self.call("GET", "/v1/conversations", None, wire.Conversations)
        except Refused as refused:
            return refused.body.code == "conduct_not_accepted"
        return True

    def me(self) -> wire.Me:
        """Return what the server says of this device."""
        return self.call("GET", "/v1/me", None, wire.Me)

    def endorse(self, device: bytes, *former: bytes) -> None:
        """Confirm another device: one's own, or as an admin (E0). ``former``: devices of the person
        that the roster authority alone revoked; they made nothing that would have to stand (E4)."""
        people = {one.device for one in self.me().clients}
        own = device.hex() in people
        now = time.time_ns() // 1_000_000
        revocations = [
            Revocation(device=one, lost=now, created=now, signer=self.device, standing=())
            for one in former
        ]
        record = Endorsement(
            endorsed=device,
            endorser=self.device,
            kind=EndorsementKind.OWN_DEVICE if own else EndorsementKind.ADMIN,
            created=now,
        ).signed(self._key)
        signed = [one.signed(self._key).encode() for one in revocations]
        body = wire.SubmitEndorsement(endorsement=record.encode(), revocations=signed)
        self.send("/v1/endorsements", body)

    def grant(self, person_id: str, path: str, days: int = 30) -> None:
        """Give a person the units at and below a path, such as ``TG/HYD``."""
        now = time.time_ns() // 1_000_000
        record = Grant(
            grantor=self.device,
            person_id=bytes.fromhex(person_id),
            created=now,
            not_after=now + days * DAY_MS,
            path=path,
        ).signed(self._key)
        self.act(
            wire.GiveGrant(
                person_id=PersonId(person_id),
                path=path,
                grant=base64.b64encode(record.encode()).decode(),
            )
        )

    def act(self, act: wire.Act) -> wire.ActAnswer:
        """Sign an administrative act and let the server do it. Raises Refused."""
        record = SignedAct(
            device=self.device,
            act_id=secrets.token_bytes(16),
            created=time.time_ns() // 1_000_000,
            body=msgspec.json.encode(act),
        ).signed(self._key)
        body = posted(record)
        return self.call("POST", "/v1/admin/acts", body, wire.ActAnswer)

    def send(self, path: str, body: Any) -> None:
        """Post what is answered with 204. Raises Refused."""
        response = self.http.post(
            path, content=msgspec.msgpack.encode(body), headers={"content-type": MSGPACK}
        )
        if not response.is_success:
            refusal = msgspec.msgpack.decode(response.content, type=wire.ErrorBody)
            raise Refused(response.status_code, refusal)
