"""The control room's look-outs: sends each alert of a feed once to a conversation.

FEED is the address of a CAP or RSS feed, CONVERSATION the id or name of the conversation.
"""

import logging
import os
from datetime import UTC, datetime

import httpx

from copconnect.bot import Bot
from examples.look_outs.feed import MOST_BYTES, BadFeed, look_outs

EVERY_S = float(os.environ.get("EVERY_S", "60"))
bot = Bot("look-outs.bot")


@bot.every(EVERY_S)
async def look() -> None:
    """Send the new alerts. An alert that was sent, perhaps before a crash, is not sent again."""
    try:
        found = look_outs(await _fetch(os.environ["FEED"]))
    except (httpx.HTTPError, BadFeed) as error:
        logging.warning("the feed: %s", error)
        return
    conversation = bot.conversation(os.environ["CONVERSATION"])
    for one in found:
        if not one.is_over(datetime.now(UTC)):
            await conversation.send(one.text, once=one.key)


async def _fetch(address: str) -> bytes:
    """Return the feed, or as much of it as shows that it is too large."""
    data = b""
    async with (
        httpx.AsyncClient(timeout=20, follow_redirects=True) as http,
        http.stream("GET", address) as answer,
    ):
        answer.raise_for_status()
        async for part in answer.aiter_bytes():
            data += part
            if len(data) > MOST_BYTES:
                break
    return data
