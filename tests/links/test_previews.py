"""Previews of links over real connections: which pages are fetched, and above all which are not."""

import asyncio
import gzip
import socket
import threading
import time
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest

from copconnect import errors, wire
from copconnect.addresses import is_public
from copconnect.bus import LocalBus
from copconnect.clock import SystemClock
from copconnect.links import fetching
from copconnect.links import service as link_service
from copconnect.links.fetching import MOST_REDIRECTS
from copconnect.links.service import LinkService
from copconnect.rates import SharedRates
from copconnect.settings import Settings
from tests.links.web import PAGE, PICTURE, Reply, Web
from tests.live.rows import device

OFFICER = device()


async def preview(
    service: LinkService, url: str = "https://page.example/a?b=c"
) -> wire.LinkPreview:
    return await service.preview(OFFICER, wire.AskLinkPreview(url=url))


def redirect(to: str) -> Reply:
    return Reply("", 302, {"Location": to})


async def test_a_page_tells_its_title_words_and_picture(web: Web) -> None:
    head = (
        '<meta property="og:title" content="Bail &amp; bonds">'
        '<meta name="description" content="Two\nlines">'
        '<meta property="og:image" content="//pictures.example/p.jpg">'
    )
    web.answer = lambda host, _: (
        Reply(PICTURE, type="image/jpeg") if host == "pictures.example" else Reply(head + PAGE)
    )
    found = await preview(web.service())
    assert found == wire.LinkPreview(title="Bail & bonds", description="Two lines", picture=PICTURE)
    page, picture = web.requests
    assert page.startswith("GET /a?b=c HTTP/1.1\r\nHost: page.example\r\n")
    assert picture.startswith("GET /p.jpg HTTP/1.1\r\nHost: pictures.example\r\n")
    names = {line.partition(":")[0].lower() for line in page.split("\r\n")[1:] if line}
    assert names == {"host", "user-agent", "accept-encoding", "accept"}, "nothing of who asks"


async def test_nothing_is_asked_unless_the_department_allows_it(web: Web) -> None:
    with pytest.raises(errors.LinkPreviewsOff):
        await preview(web.service(allowed="no"))
    assert (web.look_ups, web.dialled) == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        "http://page.example/",
        "https://page.example:8443/",
        "https://name@page.example/",
        "https://name:secret@page.example/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://page.example\\@inside.example/",
        "https://page.example/\r\nHost: inside.example",
        "ftp://page.example/",
        "https:page.example",
        "https://",
        "",
    ],
)
async def test_other_addresses_are_refused_unasked(web: Web, url: str) -> None:
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service(), url)
    assert (web.look_ups, web.dialled) == ([], [])


INSIDE = [
    *("10.0.0.7", "172.16.0.1", "192.168.1.1", "127.0.0.1", "0.0.0.1", "169.254.169.254"),
    *("100.64.0.1", "192.0.0.8", "198.18.0.1", "203.0.113.5", "224.0.0.1", "239.255.0.1"),
    *("240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1"),
    *("fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "2001::1", "::ffff:93.184.216.34"),
    *("::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::5db8:d822", "64:ff9b::7f00:1"),
    *("64:ff9b:1::1", "2002:7f00:1::1", "not an address", ""),
]


@pytest.mark.parametrize("address", INSIDE)
async def test_no_address_inside_is_connected_to(web: Web, address: str) -> None:
    service = web.service()
    for found in ([address], ["93.184.216.34", address], []):
        web.names["inside.example"] = found
        with pytest.raises(errors.LinkWithoutPreview):
            await preview(service, "https://inside.example/")
        web.answer = lambda *_: redirect("https://inside.example/x")
        with pytest.raises(errors.LinkWithoutPreview):
            await preview(service)
    assert {host for host, _ in web.dialled} == {"93.184.216.34"}
    assert {one.split("\r\n")[1] for one in web.requests} == {"Host: page.example"}


def test_addresses_of_the_public_internet_pass() -> None:
    passing = ("93.184.216.34", "1.1.1.1", "2606:2800:220:1::1", "2a00:1450:4001::200e")
    assert all(is_public(one) for one in passing)


async def test_the_address_that_was_checked_is_dialled(web: Web) -> None:
    """A name that has another address by the next question (DNS rebinding) gains nothing."""
    real, service = web.names, web.service()

    class Rebinding(dict[str, list[str]]):
        def __missing__(self, host: str) -> list[str]:
            self[host] = ["127.0.0.1"]
            return real[host]

    web.names = Rebinding()
    assert (await preview(service)).title == "Bail rules"
    assert web.look_ups == ["page.example"]
    assert web.dialled == [("93.184.216.34", 443)]
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(service)
    assert len(web.dialled) == 1


async def test_a_server_made_of_its_settings_reaches_no_machine_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def local(_: str, *rest: Any) -> Any:
        return socket.getaddrinfo("localhost", *rest)

    monkeypatch.setattr(fetching, "Names", partial(fetching.Names, local))
    rates = SharedRates(LocalBus(), SystemClock().now_ms)
    service = LinkService(Settings(link_previews="yes"), rates)
    with pytest.raises(errors.LinkWithoutPreview) as refused:
        await preview(service)
    assert str(refused.value.__cause__) == "no address of the public internet"
    await service.close()


async def test_a_certificate_of_another_name_is_refused(web: Web) -> None:
    web.names["elsewhere.example"] = ["93.184.216.34"]
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service(), "https://elsewhere.example/")
    assert web.requests == []


@pytest.mark.parametrize("last", [MOST_REDIRECTS, MOST_REDIRECTS + 1])
async def test_so_many_redirects_are_followed_and_no_more(web: Web, last: int) -> None:
    def answer(_: str, path: str) -> Reply:
        at = int(path[1:])
        return Reply() if at == last else redirect(f"/{at + 1}")

    web.answer = answer
    follows = last == MOST_REDIRECTS
    with nullcontext() if follows else pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service(), "https://page.example/0")
    assert len(web.requests) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    "to",
    ["http://other.example/", "https://other.example:22/", "file:///etc/passwd", "//10.0.0.1/"],
)
async def test_a_redirect_to_another_kind_of_address_ends_it(web: Web, to: str) -> None:
    web.answer = lambda *_: redirect(to)
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service())
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply(type="application/pdf"),
        Reply(type=""),
        Reply(gzip.compress(PAGE.encode()), headers={"Content-Encoding": "gzip"}),
        Reply("<html><body>no words about itself</body></html>"),
        Reply(status=304),
        Reply("", 302),
    ],
)
async def test_other_answers_make_no_preview(web: Web, reply: Reply) -> None:
    web.answer = lambda *_: reply
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service())


async def test_a_long_page_is_read_to_the_limit(web: Web) -> None:
    """The server stops: the page would go on for four times the limit."""
    body = PAGE + " " * link_service.MOST_PAGE
    web.answer = lambda *_: Reply(body, pieces=4)
    assert (await preview(web.service())).title == "Bail rules"
    web.answer = lambda *_: Reply(" " * link_service.MOST_PAGE + PAGE)
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service())


@pytest.mark.parametrize(
    "picture",
    [
        Reply(b"x" * (link_service.MOST_PICTURE + 1), type="image/jpeg"),
        Reply("<svg/>", type="image/svg+xml"),
        Reply(status=404),
        redirect("https://inside.example/p.jpg"),
    ],
)
async def test_another_picture_is_left_out(web: Web, picture: Reply) -> None:
    web.names["inside.example"] = ["10.0.0.7"]
    head = '<meta property="og:image" content="/p.jpg">'
    web.answer = lambda _, path: picture if path == "/p.jpg" else Reply(head + PAGE)
    found = await preview(web.service())
    assert (found.title, found.picture) == ("Bail rules", None)
    assert {host for host, _ in web.dialled} == {"93.184.216.34"}


async def test_a_slow_page_ends_in_time(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_service, "ALL_S", 0.3)
    web.answer = lambda *_: Reply("x", delay_s=0.05, pieces=1_000)
    began = time.monotonic()
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service())
    assert time.monotonic() - began < 2
    # The next one has a connection: nothing is left of the slow one.
    web.answer = lambda *_: Reply()
    await preview(web.service())


async def test_a_person_and_all_people_have_a_limit(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_service, "PER_PERSON", 2)
    monkeypatch.setattr(link_service, "PER_MINUTE", 3)
    service = web.service()
    await preview(service)
    await preview(service)
    with pytest.raises(errors.RateLimited) as mine:
        await preview(service)
    ask = wire.AskLinkPreview(url="https://page.example/")
    await service.preview(device(), ask)
    with pytest.raises(errors.RateLimited) as of_all:
        await service.preview(device(), ask)
    limits = [one.value.details["limit"] for one in (mine, of_all)]
    assert limits == ["link_previews_per_minute", "link_previews_of_all_per_minute"]
    assert len(web.requests) == 3


async def test_a_proxy_is_asked_for_the_checked_address(web: Web) -> None:
    service = web.service(await web.proxy())
    assert (await preview(service)).title == "Bail rules"
    (tunnel,) = web.tunnels
    assert tunnel.startswith(b"CONNECT 93.184.216.34:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bmFtZTpwYXNzIQ==" in tunnel
    web.names["page.example"] = ["10.0.0.7"]
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(service)
    assert len(web.tunnels) == 1
    web.names["page.example"] = ["2606:2800:220:1::1"]
    await preview(service)
    assert web.tunnels[1].startswith(b"CONNECT [2606:2800:220:1::1]:443 HTTP/1.1\r\n")


@pytest.mark.parametrize("answer", [b"HTTP/1.1 403 No\r\n\r\n", b"", b"x" * 20_000])
async def test_a_proxy_that_refuses_makes_no_preview(web: Web, answer: bytes) -> None:
    with pytest.raises(errors.LinkWithoutPreview):
        await preview(web.service(await web.proxy(answer)))
    assert web.requests == []


async def test_names_that_are_looked_up_for_long_stop_no_other_thread() -> None:
    goes_on = threading.Event()

    def slow(*_: object) -> list[object]:
        goes_on.wait(10)
        return [(None, None, None, None, ("93.184.216.34", 443))]

    names = fetching.Names(slow)
    asked = [asyncio.create_task(names.addresses_of("slow.example", 443)) for _ in range(8)]
    await asyncio.sleep(0)
    for one in asked[:4]:
        one.cancel()  # Nobody waits for these, and their threads go on.
    await asyncio.sleep(0)
    with pytest.raises(fetching.Unfetched, match="too many lookups"):
        await names.addresses_of("page.example", 443)
    goes_on.set()
    assert await asked[7] == ["93.184.216.34"]
    while True:  # The last threads report in their own time.
        try:
            assert await names.addresses_of("page.example", 443) == ["93.184.216.34"]
            break
        except fetching.Unfetched:
            await asyncio.sleep(0.01)


async def test_an_answer_in_thousands_of_pieces_is_given_up(web: Web) -> None:
    def answer(pieces: int) -> Reply:
        body = f"{len(PAGE):x}\r\n{PAGE}\r\n" + "1\r\na\r\n" * pieces + "0\r\n\r\n"
        return Reply(body, headers={"Transfer-Encoding": "chunked"})

    web.answer = lambda *_: answer(3_000)
    assert (await preview(web.service())).title == "Bail rules"
    web.answer = lambda *_: answer(5_000)
    with pytest.raises(errors.LinkWithoutPreview) as refused:
        await preview(web.service())
    assert str(refused.value.__cause__) == "an answer in too many pieces"


async def test_a_person_has_three_previews_under_way_at_most(web: Web) -> None:
    web.answer = lambda *_: Reply(delay_s=0.3)
    service = web.service()
    asked = [asyncio.create_task(preview(service)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(errors.RateLimited):
        await preview(service)
    await asyncio.gather(*asked)
    assert (await preview(service)).title == "Bail rules"
