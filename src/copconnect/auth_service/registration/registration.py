"""Registration: number → OTP → second factor by setting → device certificate.

A device registers at once; whether it is confirmed is another matter (E0, E2).

Invariants: whether a number is known changes neither the answer nor the statements that run;
a wrong attempt is committed before it is answered; an OTP opens one ticket, a ticket one client.
"""

import secrets
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from copconnect import budgets, errors, phone_number, wire
from copconnect.auth_service import rules, store
from copconnect.auth_service.dependencies import AuthDependencies
from copconnect.auth_service.registration import registration_store
from copconnect.auth_service.registration.sliding_window import SlidingWindow
from copconnect.auth_service.registration.sms import SmsSender
from copconnect.auth_service.trust import record_store
from copconnect.auth_service.trust.cards import Cards
from copconnect.auth_service.trust.changes import Changes
from copconnect.auth_service.trust.departments import TrustPublisher
from copconnect.auth_service.trust.verdicts import person_chain
from copconnect.ids import ChallengeId, ClientId, DeviceId, PersonId, new_id
from copconnect.records.trust.device import device_id

log = structlog.get_logger()
# Tries of one address at the enrolment code of one number, in place of a text.
ENROLMENT_CODE_TRIES = budgets.Budget("enrolment_code_tries", 5, rules.DAY_MS)


class Registration:
    """Registers devices."""

    def __init__(
        self,
        deps: AuthDependencies,
        trust: TrustPublisher,
        cards: Cards,
        changes: Changes,
        sms: SmsSender,
    ) -> None:
        settings = deps.settings
        self._cards = cards
        self._changes = changes
        self._deps = deps
        self._trust = trust
        self._sms = sms
        self._told = settings.otp_length
        self._repeats = SlidingWindow(settings.otp_total_per_minute, 60_000)
        self._numbers = SlidingWindow(settings.otp_numbers_per_address_per_hour, rules.HOUR_MS)

    async def request_code(self, body: wire.RequestCode, address: str) -> wire.CodeRequested:
        """Send an OTP if the number is known, beside the OTPs that are still valid. Budgets count
        by number and address, so that nobody spends another's. Raises NumberInvalid,
        SmsUnavailable, TextsUsedUp, RateLimited."""
        settings, now = self._deps.settings, self._deps.clock.now_ms()
        number = phone_number.normalise(body.number)
        # This check precedes counting and look-ups: an outage uses up nobody's codes, and every
        # caller gets the same answer.
        self._sms.require()
        secret = self._deps.authority.secret
        number_hash, address_hash = self._hashes(number, address)
        challenge_id = new_id()
        async with self._deps.database.transaction() as connection:
            failures = await registration_store.code_failures_since(
                connection, rules.failure_slots(now)[1]
            )
            await registration_store.lock_number(connection, number_hash, now)
            former = await registration_store.challenges_since(
                connection, number_hash, now - rules.DAY_MS
            )
            digits = self._digits(failures, [one.attempts for one in former])
            code = rules.otp(secrets.randbelow(10**digits), digits)
            wait, limit = self._texts_used_up(former, address_hash, address, now)
            if limit:
                raise errors.TextsUsedUp(retry_after_ms=wait, limit=limit)
            asked = [one.created_ms for one in former if one.address_hash == address_hash]
            if asked:
                # At most the whole wait, also where another node's clock is ahead.
                wait = settings.otp_resend_ms - max(0, now - max(asked))
                if wait > 0:
                    limit = "codes_per_number_and_address"
                    raise errors.RateLimited(retry_after_ms=wait, limit=limit)
                self._repeats.spend("", now, "repeated_codes_per_minute")
            else:
                self._numbers.count(address, now)
            person_id = await self._deps.people.active_by_number(connection, number)
            await registration_store.add_challenge(
                connection,
                {
                    "challenge_id": challenge_id,
                    "number_hash": number_hash,
                    "address_hash": address_hash,
                    "person_id": person_id,
                    "code_hash": rules.code_hash(secret, challenge_id, code),
                    "digits": digits,
                    "created_ms": now,
                    "expires_ms": now + settings.otp_lifetime_ms,
                },
            )
        text = rules.sms_text(body.language, code, settings.otp_lifetime_ms)
        if person_id is not None:
            self._sms.queue(number, text)
        return wire.CodeRequested(
            challenge_id=ChallengeId(challenge_id),
            code_length=digits,
            expires_in_ms=settings.otp_lifetime_ms,
            resend_after_ms=settings.otp_resend_ms,
        )

    async def submit_code(self, body: wire.SubmitCode) -> wire.RegistrationStep:
        """Check an OTP. Raises CodeWrong, CodeExpired, CodeTriesUsedUp."""
        now = self._deps.clock.now_ms()
        given = rules.code_hash(self._deps.authority.secret, body.challenge_id, body.code.strip())
        refusal: errors.CopConnectError | None = None
        slot, first_slot = rules.failure_slots(now)
        async with self._deps.database.transaction() as connection:
            failures = await registration_store.code_failures_since(connection, first_slot)
            tries = await registration_store.tries_beside(
                connection, body.challenge_id, now - rules.DAY_MS
            )
            row = await registration_store.attempt(connection, body.challenge_id)
            right = rules.equal(given, row.code_hash if row is not None else "")
            if (
                row is None
                or row.closed
                or row.expires_ms <= now
                or row.digits < self._digits(failures, tries)
            ):
                refusal = errors.CodeExpired()
            elif row.attempts > self._deps.settings.otp_attempts:
                # Nothing about the number or the code: every challenge counts its tries alike.
                refusal = errors.CodeTriesUsedUp()
            elif not right or row.person_id is None:
                refusal = errors.CodeWrong()
            else:
                await registration_store.close_challenge(connection, body.challenge_id)
                card = await self._deps.people.card(connection, PersonId(row.person_id))
                if card is not None and card.status == "active":
                    first = rules.after_code(self._deps.settings.second_factor)
                    step = await self._open_ticket(connection, card, first, now)
                else:
                    refusal = errors.CodeWrong()
            if isinstance(refusal, errors.CodeWrong):
                await registration_store.count_code_failure(connection, slot)
        if refusal is not None:
            raise refusal
        return step

    async def register_without_text(
        self, body: wire.RegisterWithoutText, address: str
    ) -> wire.RegistrationStep:
        """Check the enrolment code of a person whose number gets no more texts at this address. It
        replaces the OTP and the second factor. Raises NumberInvalid, TextPossible,
        EnrolmentCodeWrong, RateLimited."""
        now = self._deps.clock.now_ms()
        number = phone_number.normalise(body.number)
        number_hash, address_hash = self._hashes(number, address)
        async with self._deps.database.transaction() as connection:
            former = await registration_store.challenges_since(
                connection, number_hash, now - rules.DAY_MS
            )
            _, limit = self._texts_used_up(former, address_hash, address, now)
            if not limit:
                raise errors.TextPossible
            await budgets.spend(connection, ENROLMENT_CODE_TRIES, address_hash, 1, now)
            person_id = await self._deps.people.active_by_number(connection, number)
            # A number that nobody has costs the same statements.
            asked = person_id or PersonId("")
            card = await self._deps.people.card(connection, asked)
            known = await registration_store.enrolment_code(connection, asked)
            given = rules.enrolment_hash(self._deps.authority.secret, asked, body.enrolment_code)
            right = rules.equal(given, known or "")
            if right and card is not None:
                step = await self._open_ticket(connection, card, "device", now, given)
        if not right or card is None:
            raise errors.EnrolmentCodeWrong
        return step

    async def submit_enrolment_code(self, body: wire.SubmitEnrolmentCode) -> wire.RegistrationStep:
        """Check the second factor. Raises TicketInvalid, EnrolmentCodeWrong."""
        now = self._deps.clock.now_ms()
        refusal: errors.CopConnectError | None = None
        hashed = rules.token_hash(body.ticket)
        async with self._deps.database.transaction() as connection:
            row = await registration_store.lock_ticket(connection, hashed, now, attempt=True)
            if row is None or row.step not in ("enrolment_code", "device"):
                raise errors.TicketInvalid
            person_id = PersonId(row.person_id)
            step: rules.Next = row.step
            if step == "enrolment_code":
                known = await registration_store.enrolment_code(connection, person_id)
                given = rules.enrolment_hash(
                    self._deps.authority.secret, person_id, body.enrolment_code
                )
                if rules.equal(given, known or ""):
                    step = "device"
                elif row.attempts >= rules.ENROLMENT_ATTEMPTS:
                    step = "refused"
                else:
                    refusal = errors.EnrolmentCodeWrong()
                code_hash = given if step == "device" else None
                await registration_store.change_ticket(
                    connection, hashed, step=step, code_hash=code_hash
                )
            card = await self._deps.people.card(connection, person_id)
        if refusal is not None:
            raise refusal
        return _step(body.ticket, step, card, row.expires_ms - now)

    async def check(self, body: wire.CheckRegistration) -> wire.RegistrationStep:
        """Return the next step of a registration. Raises TicketInvalid."""
        now = self._deps.clock.now_ms()
        async with self._deps.database.transaction() as connection:
            row = await registration_store.lock_ticket(
                connection, rules.token_hash(body.ticket), now
            )
            if row is None or row.step == "done":
                raise errors.TicketInvalid
            card = await self._deps.people.card(connection, PersonId(row.person_id))
        return _step(body.ticket, row.step, card, row.expires_ms - now)

    async def register_client(self, body: wire.RegisterClient) -> wire.ClientRegistered:
        """Certify a device key. A retry with the same ticket and key answers the same
        certificate, with a fresh access token in place of the one that may have been lost.

        Raises TicketInvalid, ProofInvalid, Suspended, TooManyDevices.
        """
        now = self._deps.clock.now_ms()
        message = rules.registration_proof(body.ticket, body.client_id, body.signature_public_key)
        rules.check_proof(body.signature_public_key, body.proof, message)
        client_id, hashed = ClientId(body.client_id), rules.token_hash(body.ticket)
        access_token = secrets.token_urlsafe(32)
        expires_ms = now + self._deps.settings.token_hours * rules.HOUR_MS
        async with self._deps.database.transaction() as connection:
            person_id = await registration_store.ticket_person(connection, hashed)
            if person_id is None:
                raise errors.TicketInvalid
            # The person before the ticket, as a suspension does: the other order would deadlock.
            active = await self._deps.people.lock_active(connection, person_id)
            ticket = await registration_store.lock_ticket(connection, hashed, now)
            if ticket is None or ticket.step not in ("device", "done"):
                raise errors.TicketInvalid
            if not active:
                raise errors.Suspended
            device = device_id(
                bytes.fromhex(person_id), bytes.fromhex(client_id), body.signature_public_key
            )
            if ticket.step == "done":
                certificate = await self._same_client(connection, ticket.client_id, body)
            else:
                certificate = await self._new_client(connection, ticket, device, body, now)
                await registration_store.change_ticket(
                    connection, hashed, step="done", client_id=client_id
                )
                await self._changes.registered(connection, person_id)
            await store.end_tokens(connection, client_id)
            await store.add_token(
                connection, client_id, rules.token_hash(access_token), expires_ms, most=1
            )
        return wire.ClientRegistered(
            person_id=person_id,
            client_id=client_id,
            certificate=certificate,
            device=DeviceId(device.hex()),
            access_token=access_token,
            token_expires_ms=expires_ms,
            trust=await self._trust.trust(),
        )

    async def prune(self) -> None:
        """Delete what has expired."""
        now = self._deps.clock.now_ms()
        keep_ms = max(rules.DAY_MS, self._deps.settings.otp_lifetime_ms) + rules.HOUR_MS
        async with self._deps.database.transaction() as connection:
            await registration_store.prune(
                connection, now - keep_ms, now, rules.failure_slots(now)[1]
            )

    def _digits(self, failures: int, tries: Sequence[int]) -> int:
        """Return how many digits a code needs, after so many wrong codes within an hour over all
        numbers and nodes, and these tries at the challenges of its number within a day. Many of
        them are somebody guessing: refusing codes then would lock officers out, so codes grow
        instead, and a shorter one is not taken any more."""
        settings = self._deps.settings
        shortest, most = settings.otp_length, settings.otp_attempts
        digits = rules.code_digits(failures, settings.otp_failures_per_hour, shortest)
        if digits > settings.otp_length and digits > self._told:
            log.error("otp_guessing", failures=failures, digits=digits)
        self._told = digits
        counted = sum(min(one, most) for one in tries)
        per_number = settings.otp_tries_per_number_per_day
        return max(digits, rules.code_digits(counted, per_number, shortest))

    def _hashes(self, number: str, address: str) -> tuple[str, str]:
        """Return the keyed hashes of a number, and of the number with a caller's address."""
        secret = self._deps.authority.secret
        return (
            rules.keyed_hash(secret, "number v1", number),
            rules.keyed_hash(secret, "number and address v1", number, address),
        )

    def _texts_used_up(
        self, former: Sequence[Any], address_hash: str, address: str, now: int
    ) -> tuple[int, str]:
        """Return the budget that refuses an address another text to a number, and for how long;
        ``former``: the challenges of the number within a day. An empty name: a text is possible."""
        settings = self._deps.settings
        asked = [one.created_ms for one in former if one.address_hash == address_hash]
        if not asked:
            # An address's first request is never refused for what other addresses ask. Texts go out
            # one after another: without a limit one address would delay the codes of the whole
            # force beyond their lifetime, and lengthen them by its wrong ones.
            wait = self._numbers.wait_ms(address, now)
            return wait, "numbers_per_address" if wait > 0 else ""
        wait = rules.budget_wait_ms(asked, now, settings.otp_per_number_and_address_per_day)
        if wait > 0:
            return wait, "codes_per_number_and_address"
        every = [one.created_ms for one in former]
        wait = rules.budget_wait_ms(every, now, settings.otp_per_number_per_day)
        return wait, "codes_per_number" if wait > 0 else ""

    async def _open_ticket(
        self,
        connection: AsyncConnection,
        card: wire.Person,
        step: rules.Next,
        now: int,
        code_hash: str | None = None,
    ) -> wire.RegistrationStep:
        ticket = secrets.token_urlsafe(32)
        await registration_store.add_ticket(
            connection,
            {
                "ticket_hash": rules.token_hash(ticket),
                "person_id": card.person_id,
                "step": step,
                "code_hash": code_hash,
                "created_ms": now,
                "expires_ms": now + rules.TICKET_LIFETIME_MS,
            },
        )
        return _step(ticket, step, card, rules.TICKET_LIFETIME_MS)

    async def _same_client(
        self, connection: AsyncConnection, registered: str, body: wire.RegisterClient
    ) -> bytes:
        client = await store.lock_client(connection, ClientId(registered))
        if (
            client is None
            or client.client_id != body.client_id
            or client.public_key != body.signature_public_key
        ):
            raise errors.TicketInvalid
        newest = await store.newest_certificates(connection, [client.client_id])
        certificate: bytes = newest[client.client_id].certificate
        return certificate

    async def _new_client(
        self,
        connection: AsyncConnection,
        ticket: Any,
        device: bytes,
        body: wire.RegisterClient,
        now: int,
    ) -> bytes:
        """Store the device, its certificate and the record that names it; return the
        certificate."""
        client_id, person_id = ClientId(body.client_id), PersonId(ticket.person_id)
        await record_store.touch(connection, [person_id])
        if await store.client_exists(connection, client_id, body.signature_public_key):
            raise errors.ProofInvalid
        if await store.count_open(connection, person_id) >= wire.DEVICES_PER_PERSON:
            raise errors.TooManyDevices(limit=wire.DEVICES_PER_PERSON)
        used = await registration_store.use_enrolment_code(
            connection, person_id, now, ticket.code_hash
        )
        if ticket.code_hash is not None and not used:
            # Another registration used the code up, or an admin replaced it meanwhile.
            raise errors.TicketInvalid
        issued = await self._deps.issue(
            connection, person_id, client_id, body.signature_public_key, now
        )
        await store.add_client(
            connection,
            {
                "client_id": client_id,
                "person_id": person_id,
                "device": device,
                "public_key": body.signature_public_key,
                "label": rules.clean_label(body.label),
                "created_ms": now,
                "confirmed": "no",
                "expires_ms": issued.not_after_ms,
                "lapsed": 0,
            },
        )
        await self._cards.refresh(connection, [person_id])
        await person_chain.add_device(
            connection, self._deps.authority.roster, person_id, device, now
        )
        return issued.der


def _step(
    ticket: str, step: rules.Next, card: wire.Person | None, expires_in_ms: int
) -> wire.RegistrationStep:
    return wire.RegistrationStep(
        ticket=ticket,
        next=step,
        names=card.names if card is not None and step != "refused" else None,
        expires_in_ms=expires_in_ms,
    )
