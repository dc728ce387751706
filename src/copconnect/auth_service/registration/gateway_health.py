"""The state of an SMS gateway as one process knows it. Pure: times in ms are passed in.

Two readers, two rules. An **operator** is alarmed by anything: a check that fails, a text that was
given up, texts that are refused one after another. An **officer** who asks for a code learns that
none can be sent, as does everybody else at that time, whether their number is known or not. This
answer must not depend on an earlier request for some number, or an outsider could ask for a number
and see from the next answer whether a text went out. So it depends on two things alone:

- **checks**, which go to the gateway every :data:`CHECK_PERIOD_MS` no matter which node asks: two
  in a row that fail, until one passes;
- **windows** of five minutes, judged when they end: if texts of :data:`PEOPLE` people were given up
  in one and none was taken, nothing is tried during the next, and then it is tried again. Texts
  that the gateway refuses one by one (a wrong number in the data bank) are no evidence.

docs/threat-model.md says what the second rule leaves to be learnt.
"""

from dataclasses import dataclass, field

CHECK_PERIOD_MS = 15_000
FAILING_CHECKS = 2
WINDOW_MS = 5 * 60_000
PEOPLE = 3
REFUSED_TEXTS = 3  # In a row, none taken between them: an alarm.


@dataclass(frozen=True, slots=True)
class Alarm:
    """An outage as operators hear of it, once. ``reason`` names no number."""

    reason: str
    since_ms: int


@dataclass(slots=True)
class _Window:
    number: int = -1
    failed: set[str] = field(default_factory=set)
    taken: bool = False
    closed: bool = False  # Nothing is tried.


class GatewayHealth:
    """The state of a gateway. Each method that may begin or end an alarm returns nothing; the
    caller compares :attr:`alarm` before and after."""

    def __init__(self) -> None:
        self.alarm: Alarm | None = None
        self._failing_checks = 0
        self._check_alarm: Alarm | None = None
        self._text_alarm: Alarm | None = None
        self._refused_in_a_row = 0
        self._window = _Window()

    @property
    def reachable(self) -> bool:
        """Whether the newest checks passed."""
        return self._failing_checks < FAILING_CHECKS

    def check_passed(self) -> None:
        """A check found the gateway there."""
        self._failing_checks = 0
        self._check_alarm = None
        self._decide()

    def check_failed(self, reason: str, now_ms: int) -> None:
        """A check did not."""
        self._failing_checks += 1
        if not self.reachable and self._check_alarm is None:
            self._check_alarm = Alarm(f"checks of the gateway fail: {reason}", now_ms)
        self._decide()

    def text_taken(self, now_ms: int) -> None:
        """The gateway took a text."""
        self._at(now_ms).taken = True
        self._refused_in_a_row = 0
        self._text_alarm = None
        self._decide()

    def text_refused(self, reason: str, now_ms: int) -> None:
        """The gateway refused one text for good."""
        self._refused_in_a_row += 1
        if self._refused_in_a_row >= REFUSED_TEXTS and self._text_alarm is None:
            self._text_alarm = Alarm(f"the gateway refuses every text: {reason}", now_ms)
        self._decide()

    def text_failed(self, person: str, reason: str, now_ms: int) -> None:
        """A text for this person was given up because the gateway takes none."""
        self._at(now_ms).failed.add(person)
        if self._text_alarm is None:
            self._text_alarm = Alarm(f"texts cannot be handed over: {reason}", now_ms)
        self._decide()

    def closed_ms(self, now_ms: int) -> int:
        """Return for how long no code can be sent, which everybody learns; 0: codes can be sent."""
        window = self._at(now_ms)
        until_next = WINDOW_MS - now_ms % WINDOW_MS
        if not self.reachable:
            return CHECK_PERIOD_MS
        return until_next if window.closed else 0

    def _at(self, now_ms: int) -> _Window:
        """Return the window of this time; judge the former one when a new one begins."""
        number = now_ms // WINDOW_MS
        former = self._window
        if number != former.number:
            judged = number == former.number + 1 and not former.closed
            closed = judged and not former.taken and len(former.failed) >= PEOPLE
            self._window = _Window(number, closed=closed)
        return self._window

    def _decide(self) -> None:
        self.alarm = self._check_alarm or self._text_alarm
