"""Decides which links may be fetched, and what a page says about itself. Pure.

Links and pages are those of strangers. A link is taken only in the one form that nobody reads in
two ways; a page is read in time that grows with its length alone.
"""

import contextlib
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import httpx

from copconnect import errors
from copconnect.limits import LINK_DESCRIPTION, LINK_TITLE

MOST_MARKUP = 20_000  # Signs "<" of one page that are read: each costs the parser time.

# A name with a dot whose last part begins with a letter: no IPv4 address in any of its notations.
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\.?")
# The encodings of web pages that decode in linear time; "punycode" and "utf-7" are not among them.
_CHARSET = re.compile(
    r"utf-?8|utf-?16(?:le|be)?|us-ascii|iso-?8859-\d{1,2}|windows-125\d|koi8-[ru]"
    r"|gbk|gb2312|gb18030|big5|euc-(?:jp|kr)|shift[_-]jis"
)
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?([\w-]{2,20})", re.IGNORECASE
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_JOINERS = "\u200c\u200d"  # Letters of Indian scripts and of Urdu need them.


def page_url(text: str, base: httpx.URL | None = None) -> httpx.URL:
    """Return the address of a page, without its fragment. ``base``: of the page that names it.

    Raises LinkWithoutPreview for every address but one of https, port 443, with the name of a host,
    and without a name or password of a person.
    """
    if not text.isprintable() or "\\" in text:
        raise errors.LinkWithoutPreview
    try:
        url = httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise errors.LinkWithoutPreview from error
    host = url.raw_host.decode("ascii")
    if url.scheme != "https" or url.port is not None or url.userinfo or not _HOST.fullmatch(host):
        raise errors.LinkWithoutPreview
    return url.copy_with(fragment=None)


@dataclass(frozen=True, slots=True)
class PageWords:
    """The words of a page about itself. ``picture``: its address; empty: none."""

    title: str
    description: str
    picture: str


def words_of(content: bytes, charset: str) -> PageWords:
    """Read the beginning of an HTML page. ``charset``: as its HTTP header says, or empty."""
    page = _Page()
    read = _decoded(content, charset.lower()).split("<", MOST_MARKUP)[:MOST_MARKUP]
    with contextlib.suppress(AssertionError):  # The parser's word for some wrong declarations.
        # Never `close`: it searches for the end of what a page leaves open from each sign again.
        page.feed("<".join(read))
    said = page.said
    return PageWords(
        # Without a title, the name of the site.
        title=_first(said, LINK_TITLE, "og:title", "twitter:title")
        or _line(page.title, LINK_TITLE)
        or _first(said, LINK_TITLE, "og:site_name"),
        description=_first(
            said, LINK_DESCRIPTION, "og:description", "description", "twitter:description"
        ),
        picture=_first(said, 2_048, "og:image:secure_url", "og:image", "twitter:image"),
    )


def _decoded(content: bytes, charset: str) -> str:
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, "replace")
    declared = _DECLARED.search(content[:4_096])
    for name in (charset, declared[1].decode("ascii").lower() if declared else ""):
        if _CHARSET.fullmatch(name):
            try:
                return content.decode(name, "replace")
            except LookupError:
                continue
    return content.decode("utf-8", "replace")


def _first(said: dict[str, str], most: int, *names: str) -> str:
    return next((line for name in names if (line := _line(said.get(name, ""), most))), "")


def _line(text: str, most: int) -> str:
    """Return a text as one line without signs that are not seen or turn the direction."""
    words = "".join(
        one if one.isprintable() or one in _JOINERS else " " if one.isspace() else ""
        for one in text[: 8 * most]
    )
    line = " ".join(words.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


MOST_READ = 8 * LINK_TITLE  # Characters of a title; more would be put together piece by piece.


class _Page(HTMLParser):
    """Keeps the first value of each ``meta``, and the first title."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: dict[str, str] = {}
        self.title = ""
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read a tag."""
        self._in_title = tag == "title" and not self.title
        if tag == "meta":
            given = dict(attrs)
            name = (given.get("property") or given.get("name") or "").lower()
            self.said.setdefault(name, given.get("content") or "")

    def handle_endtag(self, tag: str) -> None:
        """Leave the title."""
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        """Read a text."""
        if self._in_title and len(self.title) <= MOST_READ:
            self.title += data[:MOST_READ]
