"""A sender that sends one message after another, beside everything else."""

import threading

from bench.crowd.sending import Sender, Sent


class Talker(threading.Thread):
    """Sends one message after another until it is ended."""

    def __init__(self, sender: Sender, pause_s: float) -> None:
        super().__init__(daemon=True)
        self.sender = sender
        self.sent: list[Sent] = []
        self._pause_s = pause_s
        self._enough = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        """Send."""
        try:
            while not self._enough.is_set():
                self.sent.append(self.sender.send(f"Message {len(self.sender.sent)}"))
                self._enough.wait(self._pause_s)
        except Exception as error:
            self.failure = error

    def end(self) -> None:
        """Send no more."""
        self._enough.set()
        self.join()
        if self.failure is not None:
            raise self.failure
