"""The guard: its weights, its record, its policy, and how well the app's own code judges."""

import hashlib
import json
import math
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from copconnect.cli import app
from copconnect.conduct.guard import model, policy, serving
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.guard_record import GuardRecord
from guard import corpus, measuring
from guard.features import features

SHIPPED = serving.shipped_weights()
HEAD = SHIPPED[: 21 + int.from_bytes(SHIPPED[17:21], "big")]

FEATURES = "123526c2cfc8e28900f472b50958bf230c5a9faeda691df5226376d6285b7411"
"""SHA-256 of the features of all unseen messages and :data:`EDGES`. The shipped weights were
trained with these features: after a change of them, train again and write the new hash here."""
EDGES = (
    *("", " \n", "🙏" * 40, "Good morning sir, " * 900),
    *("ﷺ İ ß \ud7ff Å 12%", "g00d m o r n i n g"),
)


def test_the_app_makes_the_features_that_the_weights_were_trained_with() -> None:
    unseen = [one.text for name in corpus.UNSEEN for one in corpus.unseen(name)]
    head = model.read(SHIPPED).head
    found = list(features([*unseen, *EDGES], head["lookalikes"], head["buckets"]))
    assert len(found) == len(unseen) + len(EDGES) > 6_700
    assert hashlib.sha256(json.dumps(found).encode()).hexdigest() == FEATURES


def test_messages_of_an_unknown_writer_are_judged_as_well_as_the_benchmark_says() -> None:
    figures = measuring.measured(corpus.unseen("unseen-9"))
    assert figures["recall"] >= 0.96
    assert figures["precision"] >= 0.99
    assert figures["false_alarm_rate"] <= 0.005


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SHIPPED[:-1],
        SHIPPED[:5_000],
        SHIPPED + b"\0",
        b"x" + SHIPPED[1:],
        SHIPPED[:17] + bytes(4),
        HEAD + zlib.compress(bytes(model.MOST_INFLATED + 1)),
    ],
)
def test_malformed_weights_are_refused(data: bytes) -> None:
    with pytest.raises(model.Malformed):
        model.read(data)


CLASSES = len(model.read(SHIPPED).classes)


@pytest.mark.parametrize(
    "changed",
    [
        {"number": 0},
        {"classes": ["greeting"] * CLASSES},
        {"levels": [model.MOST_LEVEL + 1] * model.LEVELS},
        {"thresholds": [math.nan] * CLASSES},
        {"blocks": {"chars": [1.0, math.inf], "words": [1.0, 1.0], "shape": [1.0, 1.0]}},
        {"blocks": {"chars": [1.0, 1.0]}},
        {"lookalikes": {"a": 1}},
    ],
)
def test_weights_under_a_malformed_head_are_refused(changed: dict[str, Any]) -> None:
    found = model.read(SHIPPED)
    assert model.read(model.encode(found.head, found.weights)) == found
    with pytest.raises(model.Malformed):
        model.encode(found.head | changed, found.weights)


def test_g1_the_record_never_goes_back() -> None:
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    draft = GuardRecord(
        number=2,
        size=3,
        weights=bytes(32),
        policy_number=4,
        policy="{}",
        pictures_number=6,
        pictures=bytes(32),
    )
    held = draft.signed(key)
    GuardRecord.parse(held.encode()).check(public_bytes(key), held)
    for wrong in (
        draft.signed(stranger),
        replace(draft, number=1).signed(key),
        replace(draft, policy_number=3).signed(key),
        replace(draft, pictures_number=5).signed(key),
        replace(draft, pictures=b"x" * 32).signed(key),
        replace(draft, weights=b"x" * 32).signed(key),
        replace(draft, policy="[]").signed(key),
    ):
        with pytest.raises(Refused):
            wrong.check(public_bytes(key), held)


def test_the_policy_refuses_what_it_does_not_know() -> None:
    shipped = policy.parse(serving.shipped_policy())
    text = serving.shipped_policy()
    large, group, direct = (getattr(shipped.places, one) for one in ("large", "group", "direct"))
    assert "greeting" in large.insist
    assert "greeting" in group.nudge
    assert "greeting" not in (*direct.insist, *direct.nudge)
    assert shipped.forwarding == policy.Forwarding(5, 5, 1, large=False, announcement=False)
    for wrong, told in (
        ({"places": None}, "places"),
        ({"forwarding": None}, "forwarding"),
        ({"forwarding": {"chats": 51, "often_chats": 1}}, "chats"),
        ({"forwarding": {"chats": 1, "often_chats": 2}}, "often_chats is over chats"),
    ):
        fields = json.loads(text)
        for name, change in wrong.items():
            fields[name] = change and fields[name] | change
        with pytest.raises(ValueError, match=told):
            policy.parse(json.dumps(fields))


def test_the_command_prints_a_verdict_for_each_line(tmp_path: Path) -> None:
    file = tmp_path / "messages.txt"
    file.write_text("good morning all\nok sir\n\nstay strong, never give up 💪\n", "utf-8")
    result = CliRunner().invoke(app, ["guard", "check", str(file)])
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[:3] == ["insist\tgreeting", "fine\tfine", "fine\tfine"]
    assert len(lines) == 4
    nudged = CliRunner().invoke(app, ["guard", "check", str(file), "--place", "group"])
    assert nudged.stdout.startswith("nudge\tgreeting\n")
