"""The SMS outbox of a demo: its file, which processes share, and its routes."""

import asyncio
from pathlib import Path

import httpx

from copconnect.auth_service.registration.gateway import SmsGateway
from demo import outbox_routes
from demo.outbox import KEPT, SHOWN, Outbox
from tests.harness.rows import answering

SHO, OTHER = "+917000000004", "+917000000005"


def served(outbox: Outbox) -> httpx.AsyncClient:
    app = answering(outbox_routes.operations(outbox))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_it_shows_texts_newest_first(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    async with served(outbox) as http:
        assert "Nothing was sent yet" in (await http.get("/demo/outbox")).text
        for text in ("111111 is the code <1>", "222222 is the code"):
            await outbox.send(SHO, text)
        page = await http.get("/demo/outbox")
        assert page.headers["content-type"].startswith("text/html")
        assert page.text.index("222222") < page.text.index("111111")
        assert "<1>" not in page.text
        for number in ("+917000000004", "%2B917000000004", "7000000004"):
            texts = (await http.get(f"/v1/demo/outbox?number={number}")).json()
            assert [text["text"].split()[0] for text in texts] == ["222222", "111111"]
            assert {text["number"] for text in texts} == {SHO}
        assert (await http.get(f"/v1/demo/outbox?number={OTHER}")).json() == []
        assert (await http.get("/v1/demo/outbox?number=12")).status_code == 400


async def test_workers_share_it(tmp_path: Path) -> None:
    """Each worker has its own Outbox on the same folder, and they send at once."""
    workers: list[SmsGateway] = [Outbox(tmp_path) for _ in range(4)]
    await asyncio.gather(*(one.send(SHO, f"{n}") for n, one in enumerate(workers * 5)))
    texts = await Outbox(tmp_path).newest(SHO)
    assert sorted(int(text["text"]) for text in texts) == list(range(20))


async def test_it_keeps_the_newest(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    await outbox.send(OTHER, "the oldest")
    for n in range(KEPT):
        await outbox.send(SHO, str(n))
    assert await outbox.newest(OTHER) == []
    shown = [text["text"] for text in await outbox.newest(None)]
    assert shown == [str(n) for n in range(KEPT - 1, KEPT - 1 - SHOWN, -1)]
