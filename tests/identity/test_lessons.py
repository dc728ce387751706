"""Lessons on a whole server: what breaks one, and what the console makes of them."""

import base64
import json
from pathlib import Path

import httpx
import msgspec
import pytest

from copconnect import errors, wire
from copconnect.ids import LessonId
from copconnect.limits import LESSON_PICTURE_BYTES
from copconnect.training.folder import LessonFolder
from tests.harness.operator import OPERATOR
from tests.identity.running import PATROL, MovedClock
from tests.identity.signing import name_root_admin
from tests.identity.test_training import DAY_MS, OFFICER, course, get
from tests.identity.whole import Whole

TEXT = "---\ntitle: {title}\nminutes: 2\nversion: {version}\n---\n\n{body}\n\n{quiz}"
QUIZ = """```quiz
question: Where?
options:
  - text: Here
    right: true
    why: Right.
  - text: There
    why: No.
```
"""


def write(folder: Path, language: str, *, title: str, body: str, quiz: str = QUIZ) -> None:
    place = folder / "officer" / "95-bandobast"
    place.mkdir(parents=True, exist_ok=True)
    text = TEXT.format(title=title, version=1, body=body, quiz=quiz)
    (place / f"{language}.md").write_text(text, "utf-8")


async def test_a_lesson_with_a_broken_quiz_leaves_the_former_one(
    whole: Whole, tmp_path: Path
) -> None:
    device = await whole.device(PATROL)
    parts = whole.whole
    folder = LessonFolder(parts.database, parts.clock, tmp_path)
    for language, title in (("en", "Bandobast"), ("te", "బందోబస్తు"), ("ur", "بندوبست")):
        write(tmp_path, language, title=title, body="Stand where you are told.")
    await folder.read()
    path = "/v1/training/lessons/officer.bandobast?language="
    assert (await get(whole, device, path + "ur"))["title"] == "بندوبست"
    # Hindi is missing: English replaces it.
    assert (await get(whole, device, path + "hi"))["language"] == "en"
    broken = QUIZ.replace("    why: Right.\n", "    why: Right.\n    wrong: x\n")
    write(tmp_path, "te", title="మార్పు", body="New.", quiz=broken)
    write(tmp_path, "en", title="Changed", body="New.")
    await folder.read()
    # A node that starts now, with the broken folder, serves the former lesson too.
    await LessonFolder(parts.database, parts.clock, tmp_path).read()
    for language, title in (("en", "Bandobast"), ("te", "బందోబస్తు")):
        assert (await get(whole, device, path + language))["title"] == title
    write(tmp_path, "te", title="మార్పు", body="New.")
    await folder.read()
    assert (await get(whole, device, path + "te"))["title"] == "మార్పు"
    for file in (tmp_path / "officer" / "95-bandobast").iterdir():
        file.unlink()
    (tmp_path / "officer" / "95-bandobast").rmdir()
    await folder.read()
    gone = await whole.http.get(path + "en", headers=device.headers)
    assert gone.status_code == 404


@pytest.mark.databases("sqlite")
async def test_the_console_publishes_over_the_built_in_lesson(whole: Whole) -> None:
    device = await whole.device(PATROL)
    parts = whole.whole
    lesson_id = LessonId(OFFICER[0])

    async def publish(**texts: str) -> None:
        given = dict.fromkeys(wire.LANGUAGES, "") | texts
        act = wire.PublishLesson(
            lesson_id=lesson_id,
            place=1,
            texts=msgspec.convert(given, wire.LessonTexts),
            pictures=[],
        )
        async with parts.database.transaction() as connection:
            await parts.lessons.publish(connection, OPERATOR, act)

    with pytest.raises(errors.ActInvalid) as caught:
        await publish(en=TEXT.format(title="Mine", version=1, body="# Large", quiz=QUIZ))
    assert caught.value.details["reason"] == "en, line 7: headings begin with ## or ###"
    path = f"/v1/training/lessons/{lesson_id}"
    former = await get(whole, device, path)
    await publish(en=TEXT.format(title="Mine", version=2, body="Text.", quiz=QUIZ))
    assert (await get(whole, device, path))["title"] == "Mine"
    with pytest.raises(errors.ActInvalid):
        await publish(en=TEXT.format(title="Older", version=1, body="Text.", quiz=QUIZ))
    await publish()
    assert await get(whole, device, path) == former


PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
WEBP = b"RIFF\x20\0\0\0WEBPVP8 " + bytes(16)


async def test_a_picture_is_published_replaced_and_removed_by_its_hash(
    whole: Whole, clock: MovedClock
) -> None:
    device = await whole.device(PATROL)
    parts = whole.whole
    await name_root_admin(whole, device)
    lesson_id = LessonId("officer.bandobast")
    path = f"/v1/training/lessons/{lesson_id}"

    async def keep(data: bytes) -> httpx.Response:
        body = msgspec.msgpack.encode(wire.SubmitLessonPicture(data=data))
        headers = device.headers | {"content-type": "application/msgpack"}
        return await whole.http.post("/v1/admin/training/pictures", headers=headers, content=body)

    async def publish(alt: str, **digests: str) -> None:
        body = "".join(f"![{alt}]({name}.webp)\n\n" for name in digests)
        text = TEXT.format(title="Bandobast", version=1, body=f"{body}Text.", quiz=QUIZ)
        named = [
            wire.LessonPicture(name=f"{name}.webp", digest=digest)
            for name, digest in digests.items()
        ]
        act = wire.PublishLesson(
            lesson_id=lesson_id,
            place=90,
            texts=wire.LessonTexts(en=text, te="", ur="", hi=""),
            pictures=named,
        )
        async with parts.database.transaction() as connection:
            await parts.lessons.publish(connection, OPERATOR, act)

    for wrong in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", WEBP + bytes(LESSON_PICTURE_BYTES)):
        refused = await keep(wrong)
        assert (refused.status_code, refused.json()["code"]) == (400, "lesson_picture_invalid")
    first, second = [(await keep(one)).json()["digest"] for one in (PNG, WEBP)]
    with pytest.raises(errors.ActInvalid) as caught:
        await publish("", post=first)
    assert "no text in [ ]" in str(caught.value.details["reason"])
    await publish("The post", post=first)
    shown = await get(whole, device, path)
    (picture,) = [one for one in shown["screens"][0] if one["type"] == "image"]
    assert (picture["alt"], base64.b64decode(picture["data"])) == ("The post", PNG)
    # Replaced under the same name: another digest, which is what phones compare.
    await publish("The post", post=second)
    listed = await get(whole, device, "/v1/training")
    (item,) = [one for one in course(listed)["lessons"] if one["lessonId"] == lesson_id]
    assert item["digest"] not in (shown["digest"], "")
    # A picture of the lesson is not sent again; one that was never sent is refused.
    await publish("The night post", post=second, again=second)
    with pytest.raises(errors.ActInvalid) as caught:
        await publish("The post", post="0" * 64)
    assert caught.value.details["reason"] == "the picture post.webp is kept no more"
    written = await get(whole, device, f"/v1/admin{path.removeprefix('/v1')}")
    assert [one["digest"] for one in written["pictures"]] == [second, second]
    await publish("")
    assert (await get(whole, device, f"/v1/admin{path.removeprefix('/v1')}"))["pictures"] == []
    logged = [json.loads(one.content.act) async for one in parts.audit.entries()]
    told = [one["pictures"] for one in logged if one["act"] == "lesson_published"]
    assert told[1] == [{"name": "post.webp", "digest": second}]
    # The next picture drops the pictures that were kept a day before.
    clock.ms += DAY_MS + 1
    await keep(PNG + b"x")
    with pytest.raises(errors.ActInvalid):
        await publish("The post", post=first)
