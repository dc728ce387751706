"""Sends OTP texts, after the response and in the background, so that neither the caller's answer
nor its time depends on whether there is somebody to send to.

A text that the gateway does not take is tried again twice, then given up; one that it refuses for
good is given up at once. The person asks for another. A gateway that is down is an alarm: a line of
the log, once, and a metric for as long as it lasts. Everybody who asks for a code is then told
(:mod:`copconnect.auth_service.registration.gateway_health`). Nothing here logs a number or a text.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Literal

import structlog
from prometheus_client import Counter, Gauge

from copconnect import errors
from copconnect.auth_service.registration.gateway import (
    NO_FIELDS,
    GatewayDown,
    SmsGateway,
    TextRefused,
    TextUnsure,
)
from copconnect.auth_service.registration.gateway_health import CHECK_PERIOD_MS, GatewayHealth
from copconnect.background import Periodic, cut_off
from copconnect.clock import Clock

QUEUE = 10_000
WORKERS = 4
ATTEMPTS = 3
TEXTS = Counter(
    "copconnect_sms_texts",
    "Texts with codes by what became of them: taken, refused (this one), failed (given up because "
    "the gateway takes none), dropped (the queue was full)",
    ["outcome"],
)
ALARM = Gauge(
    "copconnect_sms_gateway_alarm",
    "1 while a process knows that its SMS gateway does not take texts",
    multiprocess_mode="livemax",
)
TAKEN_AT = Gauge(
    "copconnect_sms_taken_timestamp_seconds",
    "When the gateway took the last text; 0: never since the start",
    multiprocess_mode="livemax",
)

# "unsure": the gateway may have taken the text; "failed": it has not, and may take it later.
Handed = Literal["taken", "refused", "unsure", "failed"]
log = structlog.get_logger()


class SmsSender:
    """A bounded queue in front of a gateway, and the state of the gateway."""

    def __init__(self, gateway: SmsGateway, clock: Clock, *, retry_after_s: float = 2.0) -> None:
        self.gateway = gateway
        self._clock = clock
        self.retry_after_s = retry_after_s
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(QUEUE)
        self._workers: list[asyncio.Task[None]] = []
        self._health = GatewayHealth()
        self._checking = Periodic("sms_gateway", self.check, CHECK_PERIOD_MS / 1000, soon=True)
        for outcome in ("taken", "refused", "failed", "dropped"):
            TEXTS.labels(outcome)  # Shown from the start.

    async def start(self) -> None:
        """Begin to send and to check."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        await self._checking.start()

    async def close(self) -> None:
        """Stop; texts that are still queued are dropped (their codes expire)."""
        await self._checking.close()
        await cut_off(*self._workers)
        await self.gateway.close()

    def require(self) -> None:
        """Return while codes can be sent. Raises SmsUnavailable, the same for everybody."""
        closed_ms = self._health.closed_ms(self._clock.now_ms())
        if closed_ms > 0:
            raise errors.SmsUnavailable(retry_after_ms=closed_ms)

    def queue(self, number: str, text: str) -> None:
        """Take a text to send soon. Never blocks; drops it when the queue is full."""
        try:
            self._queue.put_nowait((number, text))
        except asyncio.QueueFull:
            TEXTS.labels("dropped").inc()
            with self._alarming():
                self._health.text_failed(number, "the queue is full", self._clock.now_ms())

    async def drained(self) -> None:
        """Return when everything queued so far was sent or dropped."""
        await self._queue.join()

    async def check(self) -> None:
        """Ask the gateway whether it is there."""
        try:
            await self.gateway.check()
        except GatewayDown as error:
            with self._alarming():
                self._health.check_failed(str(error), self._clock.now_ms())
        else:
            with self._alarming():
                self._health.check_passed()

    async def _work(self) -> None:
        while True:
            number, text = await self._queue.get()
            try:
                await self._send(number, text)
            finally:
                self._queue.task_done()

    async def hand_over(self, number: str, text: str, more: Mapping[str, object]) -> Handed:
        """Hand over a text once, at once, and return what became of it. Such texts count for the
        state of the gateway as those with codes do; whether to try again is the caller's part."""
        outcome, reason = await self._try(number, text, more)
        self._judge(outcome, number, reason)
        return outcome

    async def _send(self, number: str, text: str) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            outcome, reason = await self._try(number, text, NO_FIELDS)
            if outcome in ("taken", "refused"):
                break
            # A code may come twice rather than not at all.
            outcome = "failed"
            log.warning("sms_failed", attempt=attempt, reason=reason)
            if attempt < ATTEMPTS:
                await asyncio.sleep(self.retry_after_s * attempt)
        TEXTS.labels(outcome).inc()
        self._judge(outcome, number, reason)

    async def _try(self, number: str, text: str, more: Mapping[str, object]) -> tuple[Handed, str]:
        try:
            await self.gateway.send(number, text, more)
        except TextRefused as error:
            return "refused", str(error)
        except TextUnsure as error:
            return "unsure", str(error)
        except Exception as error:
            # Another error's text may hold the number: its type is all that is said.
            return "failed", str(error) if isinstance(error, GatewayDown) else type(error).__name__
        return "taken", ""

    def _judge(self, outcome: Handed, number: str, reason: str) -> None:
        now_ms = self._clock.now_ms()
        with self._alarming():
            if outcome == "taken":
                TAKEN_AT.set(now_ms / 1000)
                self._health.text_taken(now_ms)
            elif outcome == "refused":
                log.warning("sms_refused", reason=reason)
                self._health.text_refused(reason, now_ms)
            else:
                self._health.text_failed(number, reason, now_ms)

    @contextlib.contextmanager
    def _alarming(self) -> Iterator[None]:
        """Log the begin and the end of an alarm, once each."""
        before = self._health.alarm
        yield
        alarm = self._health.alarm
        if before is None and alarm is not None:
            log.error("sms_gateway_alarm", reason=alarm.reason, gateway=self.gateway.name)
        elif before is not None and alarm is None:
            seconds = (self._clock.now_ms() - before.since_ms) // 1000
            log.warning("sms_gateway_alarm_over", seconds=seconds, gateway=self.gateway.name)
        ALARM.set(0 if alarm is None else 1)
