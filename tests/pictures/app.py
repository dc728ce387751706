"""The pictures of the app: a station's group on a desktop, a phone, a phone in Urdu."""

from tests.harness.browser import DESKTOP, PHONE, Officer, Station, until
from tests.harness.words import words
from tests.pictures import cast
from tests.pictures.album import Album

GROUP = "Charminar PS"
# The simulated officers answer each of them.
LINES = (
    "Traffic on the Charminar road is diverted until eight.",
    "Night patrol, please note the new beat for tonight.",
    "Who is at the reception?",
)


def take(album: Album, station: Station) -> Officer:
    """Take them; return the patrol officer, who has the station's group open."""
    sho = station.officer(cast.SHO, screen=DESKTOP, colours="dark").register()
    # Every group of the post is there before anything is written.
    sho.chat("All SHOs, Telangana").wait_for()
    patrol = station.officer(cast.PATROL, screen=PHONE).register()
    acp = station.officer(cast.ACP, screen=PHONE, language="ur").register()
    for officer in (sho, patrol):
        officer.open_chat(GROUP)
    for line in LINES:
        wanted = _messages(sho) + 2
        sho.say(line)
        _until(sho, wanted)
    patrol.message(LINES[-1]).first.wait_for()
    album.take(sho.page, "desktop-dark")
    album.take(patrol.page, "phone-english")
    acp.page.get_by_role("button", name=words("ur", "chats.filter.units"), exact=True).click()
    acp.page.get_by_role("link").nth(3).wait_for()
    album.take(acp.page, "phone-urdu")
    return patrol


def _until(officer: Officer, messages: int) -> None:
    until(officer.page, lambda: _messages(officer) >= messages)


def _messages(officer: Officer) -> int:
    return officer.page.get_by_role("article").count()
