"""The guard: duty talk passes, disguised greetings do not, and both languages judge alike."""

import json
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from copconnect.cli import app
from copconnect.conduct.guard import model, policy, serving
from copconnect.conduct.guard.folding import fold, skeleton
from copconnect.records.primitives.ed25519 import public_bytes
from copconnect.records.primitives.fields import Refused
from copconnect.records.trust.guard_record import GuardRecord
from guard import corpus
from guard.bench import bundle

SHIPPED = serving.shipped_weights()
JUDGE = model.read(SHIPPED)
HEAD = SHIPPED[: 21 + int.from_bytes(SHIPPED[17:21], "big")]

DUTY = (
    "Good morning sir, accident at NH-44, two injured, sending ambulance",
    "Ganesh bandobast duty roster",
    "ok sir",
    "Deepest condolences to the family, funeral tomorrow 10 am",
    "All points checked. Jai Hind sir",
    "శుభోదయం సార్, రోడ్డు ప్రమాదం, ఇద్దరికి గాయాలు",
)
DISGUISED = (
    "good morning",
    "g o o d  m o r n i n g  a l l",
    "GOOOOOD MORNIIIING ALL",
    "g00d m0rning all",
    "gооd mоrning all",  # Cyrillic o.
    "good\u200d mor\u200bning all",
    "𝗚𝗼𝗼𝗱 𝗺𝗼𝗿𝗻𝗶𝗻𝗴 𝗮𝗹𝗹",
    "good🌹morning🌹all",
    "gud mrng sir",
    "Gm",
    "good evening",
    "శుభోదయం",
    "صبح بخیر",
    "सुप्रभात",
    "శుభో\u200cదయం",
    "shubhodayam andariki",
    "सुप्रभात मित्रों",
    "صبح بخیر دوستو",
)


@pytest.mark.parametrize("text", DUTY)
def test_duty_talk_passes(text: str) -> None:
    assert JUDGE.classify(text) == "fine"


@pytest.mark.parametrize("text", DISGUISED)
def test_disguised_greetings_are_found(text: str) -> None:
    assert JUDGE.classify(text) == "greeting"


def test_words_fold_alike_in_every_script() -> None:
    assert fold("G.O.O.D  M-O-R-N-I-N-G", {}).words == ["good", "morning"]
    assert {
        skeleton(fold(word, {}).words[0]) for word in ("shubhodayam", "subodayam", "శుభోదయం")
    } == {"sbdm"}
    assert {skeleton(word) for word in ("congress", "కాంగ్రెస్", "कांग्रेस", "کانگریس")} == {"kngrs"}


def test_devices_judge_the_whole_corpus_with_the_same_bits(tmp_path: Path) -> None:
    texts = [one.text for one in corpus.everything()[::16]]
    texts += [
        *DUTY,
        *DISGUISED,
        "",
        " \n",
        "🙏" * 40,
        "Good morning sir, " * 900,
        "ﷺ İ ß \ud7ff Å 12%",
    ]
    script = tmp_path / "guard.mjs"
    script.write_text(
        f"{bundle('esm')}\n"
        "import { readFileSync } from 'node:fs';\n"
        "const model = await Model.read(new Uint8Array(readFileSync(process.argv[2])));\n"
        "const texts = JSON.parse(readFileSync(0, 'utf-8'));\n"
        "console.log(JSON.stringify(texts.map((text) => model.scores(text))));\n",
        "utf-8",
    )
    weights = tmp_path / "weights.bin"
    weights.write_bytes(SHIPPED)
    answer = subprocess.run(
        ["node", str(script), str(weights)],
        input=json.dumps(texts).encode(),
        capture_output=True,
        check=True,
    )
    theirs = json.loads(answer.stdout)
    assert len(theirs) == len(texts) > 1_250
    different = [text for text, one in zip(texts, theirs, strict=True) if JUDGE.scores(text) != one]
    assert different == []


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


def test_the_policy_names_places_and_refuses_what_it_does_not_know() -> None:
    shipped = policy.parse(serving.shipped_policy())
    assert shipped.act("greeting", "large") == "insist"
    assert shipped.act("greeting", "group") == "nudge"
    assert shipped.act("greeting", "direct") == "fine"
    assert shipped.act("fine", "announcement") == "fine"
    text = serving.shipped_policy()
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
