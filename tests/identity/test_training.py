"""Training on a whole server: completions, lessons that break, progress, certificates."""

import asyncio
import base64
import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
import pytest
import zxingcpp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Select

from copconnect import wire
from copconnect.database.engine import Transaction
from copconnect.directory.postings.roll import Roll
from copconnect.ids import LessonId, PersonId
from copconnect.leases import Leases
from copconnect.principals import Caller, Requirement
from copconnect.training import rules, store
from copconnect.training.lessons_of import built_in
from copconnect.training.reminders.reminding import Reminding
from tests.contract.statements import Statements
from tests.harness.operator import OPERATOR
from tests.identity.running import PATROL, SHO, Device
from tests.identity.whole import Whole

LESSONS = built_in()
OFFICER = [one for one in LESSONS if one.startswith("officer.")]


async def get(whole: Whole, device: Device, path: str) -> Any:
    answer = await whole.http.get(path, headers=device.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def passed(lesson_id: str, language: wire.Language = "en") -> dict[str, Any]:
    """A try with every answer right; of a lesson that is there no more one without answers."""
    lesson = LESSONS.get(LessonId(lesson_id))
    quizzes = [] if lesson is None else lesson.text(language).quizzes
    answers = [
        {"question": at, "option": [one.right for one in quizzes[at].options].index(True)}
        for at in range(rules.asked(len(quizzes)))
    ]
    return {"lessonId": lesson_id, "version": 1, "language": language, "answers": answers}


async def do(whole: Whole, device: Device, *lessons: str | dict[str, Any]) -> Any:
    done = [passed(one) if isinstance(one, str) else one for one in lessons]
    answer = await whole.http.post(
        "/v1/training/done", headers=device.headers, json={"lessons": done}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def course(training: Any, name: str = "officer") -> Any:
    return next(one for one in training["courses"] if one["course"] == name)


async def owes(whole: Whole, device: Device) -> bool:
    token = device.headers["authorization"].removeprefix("Bearer ")
    caller: Caller | None = await whole.whole.auth.authenticator.authenticate(token)
    assert caller is not None
    return Requirement.TRAINING in caller.outstanding


async def test_the_course_is_done_in_any_order_and_opens_large_groups(whole: Whole) -> None:
    device = await whole.device(PATROL)
    before = await get(whole, device, "/v1/training?language=te")
    assert [one["course"] for one in before["courses"]] == ["officer"]
    assert before["closedFrom"] == 100
    assert await owes(whole, device)
    first, *others = [one["lessonId"] for one in course(before)["lessons"]]
    # Two phones of one officer, backwards, some twice, one that is there no more.
    await do(whole, device, *reversed(others), "officer.of-last-year")
    again = await do(whole, device, *others)
    assert course(again)["completedMs"] is None
    assert again["closedFrom"] == 100
    ended = await do(whole, device, first)
    assert course(ended)["completedMs"] is not None
    assert ended["closedFrom"] is None
    assert not await owes(whole, device)
    assert course(await do(whole, device, first)) == course(ended)


async def test_a_lesson_is_done_once_its_answers_pass(whole: Whole) -> None:
    device = await whole.device(PATROL)
    one = OFFICER[0]
    good = passed(one, "ur")
    first, second = good["answers"]
    wrong = {**first, "option": 1 - first["option"]}
    refused = [
        {**good, "answers": [wrong, second]},
        {**good, "answers": [first]},
        {**good, "answers": [first, first]},
        {**good, "answers": [first, wrong]},
        {**good, "answers": [first, {"question": 900, "option": 0}]},
        {**good, "answers": [first, {**second, "option": 99}]},
        # Answers to questions that the lesson has no more, or not yet.
        {**good, "version": 2},
    ]
    for tried in refused:
        found = course(await do(whole, device, tried))["lessons"][0]
        assert (found["lessonId"], found["doneMs"]) == (one, None), tried
    found = course(await do(whole, device, {**good, "answers": [second, first]}))["lessons"][0]
    assert found["doneVersion"] == 1
    # A later try that fails takes nothing away.
    again = course(await do(whole, device, refused[0]))["lessons"][0]
    assert again == found


async def test_two_phones_at_once_complete_the_course(whole: Whole) -> None:
    device = await whole.device(PATROL)
    half = len(OFFICER) // 2
    await asyncio.gather(do(whole, device, *OFFICER[:half]), do(whole, device, *OFFICER[half:]))
    assert course(await get(whole, device, "/v1/training"))["completedMs"] is not None


async def test_a_head_has_a_course_of_their_own(whole: Whole) -> None:
    device = await whole.device(SHO)
    found = await get(whole, device, "/v1/training")
    assert [one["course"] for one in found["courses"]] == ["officer", "head"]


# --- Reminders ------------------------------------------------------------------------------------

TEN = 1_800_073_800_000  # 10:00 in India.
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
OFFICERS = wire.RemindOfTraining(course="officer", path="")
HEADS = wire.RemindOfTraining(course="head", path="")


class Wakened:
    """In the place of pushes: whom a round wakes."""

    def __init__(self) -> None:
        self.people: list[PersonId] = []

    async def remind_of_lessons(self, connection: Transaction, people: Select[Any]) -> int:
        """See ports.TrainingPushes."""
        found = list(await connection.scalars(people))
        self.people += found
        return len(found)

    async def lessons_done(self, _: Transaction, __: PersonId) -> None:
        """See ports.TrainingPushes."""


class At:
    """A clock."""

    def __init__(self, now_ms: int) -> None:
        self.at = now_ms

    def now_ms(self) -> int:
        """See Clock."""
        return self.at


async def test_reminders_come_weekly_by_day_and_end_with_the_course(whole: Whole) -> None:
    parts = whole.whole
    head = await whole.device(SHO)
    patrol = await whole.device(PATROL)
    token = head.headers["authorization"].removeprefix("Bearer ")
    caller = await parts.auth.authenticator.authenticate(token)
    assert caller is not None
    clock, woken = At(TEN), Wakened()

    def node() -> Reminding:
        people, audiences = Roll(parts.directory), parts.admin.trainees
        leases = Leases(parts.database, clock, alone=True)
        return Reminding(
            parts.database, clock, parts.audit, people, audiences, woken, leases, days=7
        )

    first, second = node(), node()
    # Nobody's app has shown the courses for a week, and nobody asked.
    assert await first.round() == 0
    with Statements(parts.database) as statements:
        asked = await first.ask(caller, OFFICERS)
    few = len([one for one in statements if "training_reminders" in one])
    assert (asked.people > 1, asked.recent, few) == (True, 0, 1)
    again = await second.ask(caller, OFFICERS)
    assert (again.people, again.recent) == (0, asked.people)
    # An officer learns of one course in a week.
    heads = await second.ask(caller, HEADS)
    assert (heads.people, heads.recent) == (0, 1)
    acts = [one.content.act async for one in parts.audit.entries()]
    told = [json.loads(one) for one in acts if "training_reminded" in one]
    assert [(one["course"], one["people"]) for one in told] == [("officer", asked.people)]
    assert (await get(whole, patrol, "/v1/training"))["remind"] is True

    clock.at = TEN - HOUR_MS  # Too early in the day.
    assert await first.round() == 0
    clock.at = TEN
    # Two nodes at once: each person is woken once.
    with Statements(parts.database) as statements:
        counts = await asyncio.gather(first.round(), second.round())
    assert sorted(counts) == [0, asked.people]
    assert len(woken.people) == len(set(woken.people)) == asked.people
    assert len([one for one in statements if "training_reminders" in one]) == 3

    await do(whole, patrol, *OFFICER)
    assert (await get(whole, patrol, "/v1/training"))["remind"] is False
    clock.at = TEN + 6 * DAY_MS
    assert ((await first.ask(caller, OFFICERS)).people, await first.round()) == (0, 0)
    clock.at = TEN + 7 * DAY_MS
    assert (await first.ask(caller, OFFICERS)).people == await first.round() == asked.people - 1
    assert PersonId(patrol.person_id) not in woken.people[asked.people :]
    # The patrol's head has done the officers' course, began three weeks ago, and nobody asks: the
    # heads' course is open, and ends it.
    await do(whole, head, *OFFICER)
    clock.at = TEN + 28 * DAY_MS
    async with parts.database.transaction() as connection:
        await store.begin(connection, caller.person_id, TEN)
    assert await first.round() == 1
    clock.at += 7 * DAY_MS
    assert ((await first.ask(caller, HEADS)).people, await first.round()) == (1, 1)
    assert (await get(whole, head, "/v1/training"))["remind"] is True
    await do(whole, head, *[one for one in LESSONS if one.startswith("head.")])
    assert (await get(whole, head, "/v1/training"))["remind"] is False
    clock.at += 7 * DAY_MS
    await first.round()
    assert woken.people.count(caller.person_id) == 4
    refused = await whole.http.post(
        "/v1/admin/training/reminders",
        headers=head.headers,
        json={"course": "head", "path": "TG-NOWHERE"},
    )
    assert refused.json()["code"] == "not_allowed"


# --- Progress and certificates --------------------------------------------------------------------


async def test_progress_of_any_number_of_people_is_one_statement(whole: Whole) -> None:
    parts = whole.whole
    head = await whole.device(SHO)
    caller = await parts.auth.authenticator.authenticate(
        head.headers["authorization"].removeprefix("Bearer ")
    )
    assert caller is not None
    everybody = (await parts.directory.people(None, limit=60)).people
    counts = []
    for some in (everybody[:1], everybody):
        people = [PersonId(one.person_id) for one in some]
        await parts.training.recording.record(OPERATOR, people, "officer")
        with Statements(parts.database) as statements:
            found = await parts.training.progress.by_unit(caller, "officer", "")
        # The server's background work has its own statements.
        counts.append([one for one in statements if "training_" in one])
    assert [len(one) for one in counts] == [1, 1]
    assert found.total.people == found.total.begun == found.total.done > 1
    rest = await parts.training.progress.untrained(caller, "officer", "", None)
    assert rest.people == []
    made = await whole.http.get("/v1/admin/training/people.xlsx", headers=head.headers)
    assert made.content.startswith(b"PK")
    # A head sees the own part alone.
    refused = await whole.http.get(
        "/v1/admin/training/people?path=TG-NOWHERE", headers=head.headers
    )
    assert refused.json()["code"] == "not_allowed"


def parts_of(jwt: str) -> tuple[bytes, bytes, Any]:
    head, body, signature = jwt.split(".")
    padded = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{head}.{body}".encode(), padded, said


async def test_a_certificate_is_genuine_and_one_byte_less_is_not(
    whole: Whole, tmp_path: Path
) -> None:
    device = await whole.device(PATROL)
    path = "/v1/training/certificate?course=officer&language=te"
    early = await whole.http.get(path, headers=device.headers)
    assert (early.status_code, early.json()["code"]) == (409, "course_unfinished")
    await do(whole, device, *OFFICER)
    pdf = await whole.http.get(path, headers=device.headers)
    assert pdf.content.startswith(b"%PDF-")
    caller = await whole.whole.auth.authenticator.authenticate(
        device.headers["authorization"].removeprefix("Bearer ")
    )
    assert caller is not None
    # As a camera reads it: the drawn picture, not the intended one.
    address, _, scanned = scan(pdf.content).partition("#")
    assert address == "http://localhost:8080/verify.html", "the settings', not the request's Host"
    jwt, person, _ = await whole.whole.training.certificates.jwt(caller, "officer", "te")
    signed, signature, said = parts_of(jwt)
    key = Ed25519PublicKey.from_public_bytes(whole.whole.authority.roster.public_key)
    key.verify(signature, signed)
    subject = said["credentialSubject"]
    assert subject["identifier"][0]["identityHash"] in (person.names.te, person.names.en)
    assert said["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert said["iss"] == said["issuer"]["id"]
    changed = bytearray(signed)
    changed[len(changed) // 2] ^= 1
    with pytest.raises(InvalidSignature):
        key.verify(signature, bytes(changed))
    page = await whole.http.get("/verify.html")
    assert said["iss"] in page.text
    assert verified(page, scanned, tmp_path) == "good"
    for at in (30, len(jwt) // 2, len(jwt) - 4):
        letter = "A" if jwt[at] != "A" else "B"
        assert verified(page, jwt[:at] + letter + jwt[at + 1 :], tmp_path) == "bad"


def scan(pdf: bytes) -> str:
    """Draw the only page of a PDF at 150 dots an inch and return what its one code says."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    drawn = document[0].render(scale=150 / 72, grayscale=True)
    data, stride = bytes(drawn.buffer), drawn.stride
    rows = [data[y * stride : y * stride + drawn.width] for y in range(drawn.height)]
    pixels = memoryview(b"".join(rows)).cast("B", shape=[drawn.height, drawn.width])
    # In the squares of one code a reader of every format sees some others, now and then.
    (code,) = zxingcpp.read_barcodes(pixels, formats=zxingcpp.barcode_formats_from_str("QRCode"))
    return str(code.text)


def verified(page: httpx.Response, jwt: str, folder: Path) -> str:
    """Run the page's own script in Node, with as much of a page as it touches; return its
    verdict."""
    script = page.text.partition("<script>")[2].partition("</script>")[0]
    keys = page.text.partition('data-keys="')[2].partition('"')[0].replace("&quot;", '"')
    stand_in = """
const made = () => ({ dataset: {}, append() {}, replaceChildren() {}, addEventListener() {} });
const nodes = {};
globalThis.document = {
  body: { dataset: { keys: KEYS } }, documentElement: {}, createElement: made,
  getElementById: (id) => (nodes[id] ??= made()),
};
Object.defineProperty(globalThis, "navigator", { value: { languages: ["te-IN"] } });
globalThis.addEventListener = () => {};
globalThis.location = { hash: "#JWT" };
SCRIPT
setInterval(() => {
  if (!nodes.result?.dataset.state) return;
  process.stdout.write(nodes.result.dataset.state);
  process.exit(0);
}, 5);
"""
    file = folder / f"verify-{secrets.token_hex(4)}.js"
    text = stand_in.replace("KEYS", json.dumps(keys)).replace("JWT", jwt, 1)
    file.write_text(text.replace("SCRIPT", script), "utf-8")
    ran = subprocess.run(
        ["node", str(file)], check=True, capture_output=True, text=True, timeout=60
    )
    return ran.stdout
