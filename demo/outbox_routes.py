"""HTTP routes of the SMS outbox: a page for people, JSON for programs that register."""

import html

from copconnect import phone_number
from copconnect.http.operations import FileAnswer, Operation, get
from demo.outbox import Outbox


def operations(outbox: Outbox) -> list[Operation]:
    """Return the rows."""

    async def texts(number: str | None = None) -> list[dict[str, str | int]]:
        # A plus sign that was not escaped arrives as a space.
        return await outbox.newest(number and phone_number.normalise(number.replace(" ", "+")))

    async def page() -> FileAnswer:
        rows = "".join(
            f"<li><b>{html.escape(str(text['number']))}</b><p>{html.escape(str(text['text']))}</p>"
            for text in await outbox.newest(None)
        )
        text = _PAGE.replace("@ROWS@", rows or "<li>Nothing was sent yet.")
        return FileAnswer(text.encode(), "text/html; charset=utf-8")

    return [
        get("/v1/demo/outbox", texts, public=True),
        get("/demo/outbox", page, public=True),
    ]


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">
<title>SMS outbox (demo)</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 1rem }
body { background: Canvas; color: CanvasText; color-scheme: light dark }
ul { list-style: none; padding: 0 } li { border: 1px solid #8886; border-radius: 8px }
li { padding: .5rem 1rem; margin: .5rem 0 } p { margin: .25rem 0; font-size: 1.1em }
</style>
<h1>SMS outbox</h1><p>Demo mode: what the gateway would have sent, newest first.</p>
<ul>@ROWS@</ul></html>
"""
