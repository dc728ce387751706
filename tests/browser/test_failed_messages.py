"""Messages that the server refused: the officer reads why, deletes one, sends the other again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import sharing
from tests.harness.browser import Officer, Station
from tests.harness.server import ServerProcess

QUOTA = 64 * 1024


@pytest.fixture(scope="module")
def app_server(serve: Callable[..., ServerProcess]) -> ServerProcess:
    """A server on which nobody can send more than a few pages a day."""
    return serve(
        otp_per_number_and_address_per_day=1_000,
        otp_per_number_per_day=1_000,
        otp_resend_ms=0,
        attachment_quota_bytes_per_day=QUOTA,
    )


def test_a_refused_message_is_deleted_and_another_sent_again(
    station: Station, app_server: ServerProcess, tmp_path: Path
) -> None:
    sender = station.officer(0).register()
    receiver = station.officer(1).register()
    sender.open_direct(receiver)
    sender.say("The seizure list comes next.")
    receiver.open_chat(sender.person.name)
    receiver.message("The seizure list comes next.").wait_for()

    wrong, right = (_file(sender, tmp_path, name) for name in ("wrong-list.pdf", "right-list.pdf"))
    for file in (wrong, right):
        sharing.send_files(sender, "document", [file])
        _failure(sender, file).wait_for()
    sender.shot("failed")
    # One that fails holds up none that follows.
    sender.say("Forty items, two witnesses.")
    receiver.message("Forty items, two witnesses.").wait_for()
    expect(sharing.document(receiver, wrong.name)).to_have_count(0)
    expect(sharing.document(receiver, right.name)).to_have_count(0)

    _act(sender, wrong, "conversation.discard")
    expect(sharing.document(sender, wrong.name)).to_have_count(0)
    # As long as nothing has changed, trying again fails again and says so again.
    former = _failure(sender, right).element_handle()
    _act(sender, right, "app.retry")
    former.wait_for_element_state("hidden")  # The alert that comes is of this try.
    _failure(sender, right).wait_for()

    app_server.stop()
    app_server.change(attachment_quota_bytes_per_day=100 * QUOTA)
    app_server.start()
    sender.page.get_by_text(sender.word("app.status.offline")).wait_for(state="detached")
    _act(sender, right, "app.retry")
    received = sharing.document(receiver, right.name)
    received.wait_for()
    assert sharing.save(receiver, received) == right.read_bytes()
    expect(_failure(sender, right)).to_have_count(0)
    sender.shot("sent-again")

    # After a reload each page shows the resent document once, and not the deleted one.
    for officer in (sender, receiver):
        officer.page.reload()
        sharing.document(officer, right.name).wait_for()
        expect(sharing.document(officer, right.name)).to_have_count(1)
        expect(sharing.document(officer, wrong.name)).to_have_count(0)


def _file(officer: Officer, folder: Path, name: str) -> Path:
    """A document that is larger than the day's quota."""
    file = folder / name
    file.write_bytes(f"items of {name}\n".encode() * (2 * QUOTA // 16))
    officer.secrets.content(f"content of {name}", file.read_bytes()[:4096])
    return file


def _failure(officer: Officer, file: Path) -> Locator:
    """The alert beside a message that was not sent: that it was not, why, and what to do."""
    said = f"{officer.word('conversation.notSent')} {officer.word('errors.quota_exceeded')}"
    return sharing.document(officer, file.name).get_by_role("alert").filter(has_text=said)


def _act(officer: Officer, file: Path, act: str) -> None:
    failure = _failure(officer, file)
    failure.get_by_role("button", name=officer.word(act), exact=True).click()
