"""Makes ``marks.json``: plaintexts of marks, and logs of pins with what they leave pinned (M4)."""

from typing import Any

from spec.keys.reference.making.story import seed
from spec.keys.reference.messages import MOST_READ, Pin, mark_plaintext, pinned

_MESSAGES = {name: seed(f"marked {name}", 16) for name in ("gate", "radio", "vests", "roll")}
_MENTION = {"personId": seed("mentioned", 16).hex(), "start": 0, "length": 5}

MARKS: dict[str, dict[str, Any]] = {
    "a reaction": {"mark": "reaction", "emoji": "👍"},
    "a reaction taken back": {"mark": "reaction", "emoji": None},
    "an edit": {"mark": "edit", "text": "@Asha గేటు 3", "mentions": [_MENTION]},
    "a pin": {"mark": "pin", "pinned": True},
    "an unpin": {"mark": "pin", "pinned": False},
}
UNREADABLE: dict[str, dict[str, Any]] = {
    "a pin that says neither": {"mark": "pin"},
    "a pin that is a word": {"mark": "pin", "pinned": "true"},
    "a pin that is a number": {"mark": "pin", "pinned": 1},
    "a reaction of two emoji": {"mark": "reaction", "emoji": "👍👍"},
    "an edit without words": {"mark": "edit", "mentions": []},
    "a mark of a later app": {"mark": "later"},
}


def _pin(position: int, name: str, *, on: bool = True, admin: bool = True) -> Pin:
    return Pin(position, _MESSAGES[name], on, admin)


_FOUR = [_pin(5, "gate"), _pin(6, "radio"), _pin(7, "vests"), _pin(8, "roll")]
_MANY = [_pin(10 + n, "gate" if n % 2 else "radio") for n in range(MOST_READ)]
LOGS: dict[str, tuple[bool, list[Pin]]] = {
    "four pins": (False, _FOUR),
    "received backwards": (False, _FOUR[::-1]),
    "an unpin brings nothing back": (False, [*_FOUR, _pin(9, "roll", on=False)]),
    "an unpin of what is not pinned": (False, [*_FOUR, _pin(9, "gate", on=False)]),
    "pinned again": (False, [*_FOUR, _pin(9, "radio")]),
    "a pin after its unpin": (False, [_pin(6, "gate"), _pin(5, "gate", on=False)]),
    "without the admin right": (
        False,
        [_pin(5, "gate"), _pin(6, "radio", admin=False), _pin(7, "gate", on=False, admin=False)],
    ),
    "in a direct conversation": (True, [_pin(5, "gate", admin=False), _pin(6, "radio")]),
    "more than are read": (False, [_pin(5, "vests"), *_MANY]),
}


def marked() -> dict[str, Any]:
    """Return what marks.json holds."""
    message = _MESSAGES["gate"]
    return {
        "message": message,
        "marks": [
            {"name": name, "what": what, "plaintext": mark_plaintext(message, what).hex()}
            for name, what in MARKS.items()
        ],
        "unreadable": [
            {"name": name, "plaintext": mark_plaintext(message, what).hex()}
            for name, what in UNREADABLE.items()
        ],
        "pins": [
            {
                "name": name,
                "direct": direct,
                "log": [vars(one) for one in log],
                "pinned": pinned(log, direct=direct),
            }
            for name, (direct, log) in LOGS.items()
        ],
    }
