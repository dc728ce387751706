"""Previews of links. app.py makes one service for each process."""

import asyncio
from collections import Counter

import httpx
import structlog

from copconnect import errors, wire
from copconnect.ids import PersonId
from copconnect.links.fetching import PublicNetwork, PublicWeb, Unfetched
from copconnect.links.rules import PageWords, page_url, words_of
from copconnect.principals import Caller
from copconnect.rates import SharedRates
from copconnect.settings import Settings

ALL_S = 5.0  # For the page, its redirects and its picture together.
MOST_PAGE = 512 * 1024
MOST_PICTURE = 1024 * 1024
PER_PERSON = 20  # Within a minute.
PER_MINUTE = 600  # All people together.
AT_ONCE = 3  # Previews of one person.
_EVERYBODY = PersonId("")  # Spends from that limit.
_PAGES = ("text/html", "application/xhtml+xml")
_PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
log = structlog.get_logger()


class LinkService:
    """Makes previews. It keeps nothing but what people have spent."""

    def __init__(
        self, settings: Settings, rates: SharedRates, web: PublicWeb | None = None
    ) -> None:
        """``web``: in place of the internet."""
        allowed = settings.link_previews == "yes"
        self._web = (web or PublicWeb(PublicNetwork(settings.proxy_url))) if allowed else None
        self._each = rates.limit("link_previews_per_minute", PER_PERSON, PER_PERSON)
        self._all = rates.limit("link_previews_of_all_per_minute", PER_MINUTE, PER_MINUTE)
        self._under_way = Counter[PersonId]()

    async def close(self) -> None:
        """End connections."""
        if self._web is not None:
            await self._web.close()

    async def preview(self, caller: Caller, body: wire.AskLinkPreview) -> wire.LinkPreview:
        """Return what the page of a link says about itself. Raises LinkPreviewsOff,
        LinkWithoutPreview, RateLimited."""
        if self._web is None:
            raise errors.LinkPreviewsOff
        url = page_url(body.url)
        person_id = caller.counted_as
        if self._under_way[person_id] >= AT_ONCE:
            limit = "link_previews_at_once"
            raise errors.RateLimited(retry_after_ms=int(ALL_S * 1000), limit=limit)
        self._each.spend(person_id)
        self._all.spend(_EVERYBODY)
        self._under_way[person_id] += 1
        try:
            return await self._read(self._web, url)
        finally:
            self._under_way[person_id] -= 1
            if not self._under_way[person_id]:
                del self._under_way[person_id]

    async def _read(self, web: PublicWeb, url: httpx.URL) -> wire.LinkPreview:
        ends_at = asyncio.get_running_loop().time() + ALL_S
        try:
            async with asyncio.timeout_at(ends_at):
                page = await web.fetch(url, _PAGES, MOST_PAGE)
            words = await asyncio.to_thread(words_of, page.content, page.charset)
        except (Unfetched, TimeoutError) as error:
            # Neither the link nor its host: logs are kept longer and read by more people.
            log.info("link_unread", reason=str(error) or "timeout")
            raise errors.LinkWithoutPreview from error
        if not words.title:
            raise errors.LinkWithoutPreview
        picture = await _picture(web, words, page.url, ends_at)
        return wire.LinkPreview(title=words.title, description=words.description, picture=picture)


async def _picture(
    web: PublicWeb, words: PageWords, page: httpx.URL, ends_at: float
) -> bytes | None:
    if not words.picture:
        return None
    try:
        url = page_url(words.picture, page)
        async with asyncio.timeout_at(ends_at):
            found = await web.fetch(url, _PICTURES, MOST_PICTURE)
    except (Unfetched, TimeoutError, errors.LinkWithoutPreview):
        return None
    return found.content if found.whole else None
