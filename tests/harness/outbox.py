"""The demo outbox: one-time codes that would have gone out as texts."""

import re
import time

import httpx

from tests.harness.waiting import NO_TLS, PATIENCE_S

CODE = re.compile(r"\b(\d{6})\b")


class Outbox:
    """The codes that a demo's server "sent", each returned once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._taken: set[tuple[str, int]] = set()

    def code_for(self, number: str, patience_s: float = PATIENCE_S) -> str:
        """Wait for a one-time code that was sent to a number and not returned here before.

        Texts go out after the answer, so that the answer takes as long for every number.
        """
        deadline = time.monotonic() + patience_s
        while True:
            answer = httpx.get(
                f"{self._url}/v1/demo/outbox", params={"number": number}, verify=NO_TLS
            )
            answer.raise_for_status()
            for text in answer.json():
                found = CODE.search(text["text"])
                sent = (number, text["sentMs"])
                if found is not None and sent not in self._taken:
                    self._taken.add(sent)
                    return found[1]
            if time.monotonic() > deadline:
                raise LookupError(f"nothing new was sent to {number}")
            time.sleep(0.05)
