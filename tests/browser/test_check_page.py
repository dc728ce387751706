"""The page that verifies an export without the app: opened from a disk, without a network."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from copconnect.auth_service.keys import authority
from copconnect.records.primitives.kem import XWING
from copconnect.records.trust.department import Policy
from tests.browser.conftest import browser_of
from tests.harness import groups
from tests.harness.browser import DESKTOP, PHONE, Station, picture
from tests.harness.looks import PAINTED, cut_off, violations
from tests.harness.pictures import noise_png
from tests.harness.server import ServerProcess
from tests.harness.sharing import send_evidence
from tests.harness.words import words

OWN = Path(__file__).parents[2] / "web" / "src" / "screens" / "exports" / "check"
RAW_KEY = re.compile(r"\b(app|errors|exports|media)\.[a-z]")
SAID = "Rider at the north gate, camera four"
TITLE = "Chain snatching at the fruit market"
PAGE, ROOT, EXPORT = "check-export.html", "root.pem", "export.zip"


@pytest.fixture(scope="module")
def disk(posted: Station, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export, and the page and the certificate that the app offers beside it."""
    folder = tmp_path_factory.mktemp("disk")
    writer, reader = posted.officer(0).register(), posted.officer(1).register()
    photo = folder / "camera-four.png"
    photo.write_bytes(noise_png(400, 300))
    groups.create(writer, TITLE, [reader])
    send_evidence(writer, photo, SAID)
    reader.open_chat(TITLE)
    for text in ("Two men on a black motorcycle.", "The gate is watched."):
        reader.say(text)
        writer.message(text).wait_for()
    writer.say("Noted in the register.")
    groups.open_info(writer)
    row = writer.page.get_by_role("button").filter(has_text=writer.word("groups.export"))
    row.click()
    writer.button("exports.make").click()
    saved = {
        EXPORT: writer.button("exports.save"),
        PAGE: writer.page.get_by_role("link", name=writer.word("exports.share.page")),
        ROOT: writer.page.get_by_role("link", name=writer.word("exports.share.root")),
    }
    for name, link in saved.items():
        with writer.page.expect_download() as download:
            link.click()
        download.value.save_as(folder / name)
    writer.shot("offered")
    return folder


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, disk: Path
) -> Iterator[Callable[[str, dict[str, int]], Page]]:
    """Opens the page from the disk, in a language and on a screen. Nothing else may be asked for,
    and no page may have an error."""
    browser: Browser = browser_of(request)
    contexts, asked, problems = [], [], []

    def open_page(language: str, screen: dict[str, int]) -> Page:
        context = browser.new_context(
            viewport={"width": screen["width"], "height": screen["height"]},
            locale=f"{language}-IN",
            reduced_motion="reduce",
            offline=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda one: asked.append(one.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
        page.goto((disk / PAGE).as_uri())
        page.get_by_role("heading", name=_own(language, "title")).wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert set(asked) == {(disk / PAGE).as_uri()}
    assert problems == []


def _own(language: str, key: str) -> str:
    """A text of the page alone."""
    texts: dict[str, str] = json.loads((OWN / f"{language}.json").read_text())
    return texts[key]


def _choose(page: Page, button: str, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button, exact=True).click()
    chooser.value.set_files(file)


@pytest.mark.parametrize("language", ["en", "te"])
def test_a_file_from_a_disk_verifies_an_export(
    language: str,
    disk: Path,
    opened: Callable[..., Page],
    app_server: ServerProcess,
    artefacts: Path,
    tmp_path: Path,
) -> None:
    def said(key: str, **values: object) -> str:
        return words(language, key, **values)

    def look(stop: str) -> None:
        for colours in ("light", "dark"):
            page.emulate_media(color_scheme=colours)
            page.wait_for_function(PAINTED, arg=colours)
            assert cut_off(page) == []
            assert violations(page) == []
            picture(page, artefacts / f"{screen['width']}-{stop}-{colours}.png")
        assert RAW_KEY.search(page.inner_text("body")) is None

    changed = tmp_path / "changed.zip"
    photo = (disk / "camera-four.png").read_bytes()
    changed.write_bytes((disk / EXPORT).read_bytes().replace(photo[-64:-32], bytes(32)))
    root = authority.fingerprint(app_server.data / "keys" / ROOT)
    for screen in (PHONE, DESKTOP):
        page = opened(language, screen)
        look("start")
        _choose(page, _own(language, "chooseRoot"), disk / ROOT)
        shown = page.get_by_role("status").get_by_role("code")
        assert re.sub(r"[^0-9A-F]", "", shown.inner_text()) == root.replace(":", "")
        _choose(page, said("exports.verify.choose"), disk / EXPORT)
        page.get_by_text(said("exports.verify.holds"), exact=True).wait_for()
        page.get_by_text(SAID).wait_for()
        look("holds")
        with page.expect_download() as download:
            page.get_by_role("button", name=said("exports.save"), exact=True).click()
        assert Path(download.value.path()).read_bytes() == photo
        page.get_by_role("button", name=said("exports.verify.print"), exact=True).click()
        page.get_by_text("Part A", exact=True).wait_for()
        look("print")
        page.keyboard.press("Escape")
        _choose(page, said("exports.verify.another"), changed)
        page.get_by_text(said("exports.verify.wrong"), exact=True).wait_for()
        expect(page.get_by_role("alert")).to_contain_text(said("exports.verify.what.file"))
        look("changed")


@pytest.mark.parametrize("language", ["en", "te"])
def test_another_root_and_other_files_prove_nothing(
    language: str, disk: Path, opened: Callable[..., Page], tmp_path: Path
) -> None:
    def said(key: str, **values: object) -> str:
        return words(language, key, **values)

    page = opened(language, PHONE)
    alert = page.get_by_role("alert")
    _choose(page, _own(language, "chooseRoot"), disk / EXPORT)
    expect(alert).to_have_text(_own(language, "rootWrong").replace("{{name}}", EXPORT))
    expect(page.get_by_role("button", name=said("exports.verify.choose"))).to_have_count(0)

    authority.create(tmp_path / "other", "Another Police", 0, Policy.NONE, XWING)
    _choose(page, _own(language, "chooseRoot"), tmp_path / "other" / ROOT)
    _choose(page, said("exports.verify.choose"), disk / EXPORT)
    expect(alert).to_have_text(_own(language, "otherRoot"))

    _choose(page, _own(language, "anotherRoot"), disk / ROOT)
    _choose(page, said("exports.verify.choose"), disk / "camera-four.png")
    expect(alert).to_contain_text(said("errors.export_invalid"))
