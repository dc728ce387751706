"""Sends OTP texts, after the response and in the background, so that neither the caller's answer
nor its time depends on whether there is somebody to send to.

A text that the gateway refuses is tried again twice, then dropped: the person asks for another.
Nothing here logs a number or a text.
"""

import asyncio
import contextlib
from typing import Protocol

import httpx
import structlog

QUEUE = 10_000
WORKERS = 4
ATTEMPTS = 3
TIMEOUT_S = 10.0

log = structlog.get_logger()


class SmsGateway(Protocol):
    """Takes a text for a number."""

    async def send(self, number: str, text: str) -> None:
        """Hand over one text. Raises when it is not taken."""
        ...

    async def close(self) -> None:
        """Release what it holds."""
        ...


class NoSms:
    """The gateway of a process that registers nobody: a command-line tool."""

    async def send(self, number: str, text: str) -> None:
        """Refuse."""
        del number, text
        raise OSError("this process sends no texts")

    async def close(self) -> None:
        """Nothing to release."""


class HttpGateway:
    """Posts ``{"to": …, "text": …}`` to a DLT gateway; any 2xx answer means taken."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._url = url
        self._client = httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S)

    async def send(self, number: str, text: str) -> None:
        """Post one text."""
        response = await self._client.post(self._url, json={"to": number, "text": text})
        response.raise_for_status()

    async def close(self) -> None:
        """Close connections."""
        await self._client.aclose()


class SmsSender:
    """A bounded queue in front of a gateway."""

    def __init__(self, gateway: SmsGateway, *, retry_after_s: float = 2.0) -> None:
        self._gateway = gateway
        self._retry_after_s = retry_after_s
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(QUEUE)
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to send."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def close(self) -> None:
        """Stop; texts that are still queued are dropped (their codes expire)."""
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        await self._gateway.close()

    def queue(self, number: str, text: str) -> None:
        """Take a text to send soon. Never blocks; drops it when the queue is full."""
        try:
            self._queue.put_nowait((number, text))
        except asyncio.QueueFull:
            log.error("sms_queue_full")

    async def drained(self) -> None:
        """Return when everything queued so far was sent or dropped."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            number, text = await self._queue.get()
            try:
                await self._send(number, text)
            finally:
                self._queue.task_done()

    async def _send(self, number: str, text: str) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._gateway.send(number, text)
                return
            except Exception as error:
                # The error's text may hold the number: its type is all that is logged.
                log.warning("sms_failed", attempt=attempt, error=type(error).__name__)
            if attempt < ATTEMPTS:
                await asyncio.sleep(self._retry_after_s * attempt)
