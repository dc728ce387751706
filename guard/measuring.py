"""Measures the guard on what is held out: recall, precision and false alarms."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from copconnect.conduct.guard import serving
from copconnect.core_program import started
from guard.corpus import CLASSES, FINE, Message


def claims(texts: Sequence[str]) -> list[str]:
    """Return the class that claims each text, by the app's own code and the shipped weights."""
    files = serving.shipped_weights(), serving.shipped_policy()
    with started() as ask:
        return [claimed for _, claimed in ask("guardFiles.judge", *files, "large", texts)]


def measured(messages: Sequence[Message]) -> dict[str, Any]:
    """Return the figures of the guard over messages.

    ``recall``: the share of a class's messages that any class claims, so that the guard acts on
    them; ``recognised``: the share that their own class claims; ``precision``: the share of what a
    class claims that is not duty talk.
    """
    verdicts = list(zip(messages, claims([one.text for one in messages]), strict=True))
    return {
        **_figures(verdicts),
        "by_class": _by(verdicts, lambda one, _: one.label),
        "by_language": _by(verdicts, lambda one, _: one.language),
        "precision_by_claim": {
            name: _share(one.label != FINE for one, claim in verdicts if claim == name)
            for name in CLASSES
        },
        "confusion": _confusion(verdicts),
    }


def _figures(verdicts: Iterable[tuple[Message, str]]) -> dict[str, Any]:
    pairs = list(verdicts)
    unwanted = [(one, claim) for one, claim in pairs if one.label != FINE]
    figures = {
        "messages": len(pairs),
        "recall": _share(claim != FINE for _, claim in unwanted),
        "recognised": _share(claim == one.label for one, claim in unwanted),
        "precision": _share(one.label != FINE for one, claim in pairs if claim != FINE),
        "false_alarm_rate": _share(claim != FINE for one, claim in pairs if one.label == FINE),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _by(
    verdicts: list[tuple[Message, str]], key: Callable[[Message, str], str]
) -> dict[str, dict[str, Any]]:
    names = sorted({key(*pair) for pair in verdicts})
    return {name: _figures(pair for pair in verdicts if key(*pair) == name) for name in names}


def _confusion(verdicts: list[tuple[Message, str]]) -> dict[str, dict[str, int]]:
    counts = Counter((one.label, claim) for one, claim in verdicts)
    return {
        label: {claim: counts[label, claim] for claim in (FINE, *CLASSES) if counts[label, claim]}
        for label in (FINE, *CLASSES)
    }


def _share(values: Iterable[bool]) -> float | None:
    listed = list(values)
    return round(sum(listed) / len(listed), 4) if listed else None
