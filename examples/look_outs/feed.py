"""Alerts of a CAP 1.2 document, or of an RSS 2.0 or Atom feed, as look-outs. Pure.

The bytes come from outside: a document over 2 MiB, one with a document type (entities, external
subsets) and one that is no XML is refused whole; an entry without an id is left out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from xml.etree import ElementTree

MOST_BYTES = 2 * 1024 * 1024
MOST_TEXT = 4_000
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
ATOM = "{http://www.w3.org/2005/Atom}"


class BadFeed(ValueError):
    """The document cannot be read as a feed."""


@dataclass(frozen=True, slots=True)
class LookOut:
    """``key``: another one for every alert and for every change of it."""

    key: str
    text: str
    expires: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Return whether the alert has expired."""
        return self.expires is not None and self.expires <= now


def look_outs(data: bytes) -> list[LookOut]:
    """Return the alerts of a document, in its order. Raises BadFeed."""
    root = _parsed(data)
    if root.tag == f"{CAP}alert":
        return _present([_alert(root)])
    if root.tag == "rss":
        return _present([_rss_item(item) for item in root.iterfind("channel/item")])
    if root.tag == f"{ATOM}feed":
        return _present([_atom_entry(entry) for entry in root.iterfind(f"{ATOM}entry")])
    raise BadFeed(f"<{root.tag}> is no CAP alert and no feed")


def _parsed(data: bytes) -> ElementTree.Element:
    if len(data) > MOST_BYTES:
        raise BadFeed("the document is too large")
    parser = ElementTree.XMLParser(target=_Plain())  # noqa: S314 - see _Plain.
    try:
        parser.feed(data)
        found: ElementTree.Element = parser.close()
    except BadFeed:
        raise
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadFeed(f"the document cannot be read: {error}") from error
    return found


class _Plain(ElementTree.TreeBuilder):
    """Builds trees of documents without a document type, and so without entities."""

    def doctype(self, *_: object) -> NoReturn:
        raise BadFeed("the document has a document type")


def _present(found: list[LookOut | None]) -> list[LookOut]:
    return [one for one in found if one is not None]


def _alert(alert: ElementTree.Element) -> LookOut | None:
    identifier, sent = _text(alert, f"{CAP}identifier"), _text(alert, f"{CAP}sent")
    if not identifier or _text(alert, f"{CAP}status") != "Actual":
        return None  # Exercises and tests are no look-outs.
    key = f"cap {identifier} {sent}"
    infos = alert.findall(f"{CAP}info")
    english = [one for one in infos if (_text(one, f"{CAP}language") or "en").startswith("en")]
    info = (english or infos or [alert])[0]
    headline = _text(info, f"{CAP}headline") or _text(info, f"{CAP}event") or identifier
    if _text(alert, f"{CAP}msgType") == "Cancel":
        return LookOut(key, f"WITHDRAWN: {headline}"[:MOST_TEXT])
    areas = [_text(area, f"{CAP}areaDesc") for area in info.iterfind(f"{CAP}area")]
    grades = [_text(info, CAP + name) for name in ("urgency", "severity", "certainty")]
    lines = [
        f"LOOK-OUT: {headline}",
        ", ".join(filter(None, grades)),
        _text(info, f"{CAP}description"),
        _text(info, f"{CAP}instruction"),
        f"Area: {'; '.join(filter(None, areas))}" if any(areas) else "",
        f"From: {_text(info, f'{CAP}senderName') or _text(alert, f'{CAP}sender')}",
    ]
    return LookOut(key, _joined(lines), _time(_text(info, f"{CAP}expires")))


def _rss_item(item: ElementTree.Element) -> LookOut | None:
    link = _text(item, "link")
    key = _text(item, "guid") or link
    lines = [f"LOOK-OUT: {_text(item, 'title')}", _text(item, "description"), link]
    return LookOut(f"rss {key}", _joined(lines)) if key else None


def _atom_entry(entry: ElementTree.Element) -> LookOut | None:
    embedded = entry.find(f"{ATOM}content/{CAP}alert")
    if embedded is not None:
        return _alert(embedded)
    key, updated = _text(entry, f"{ATOM}id"), _text(entry, f"{ATOM}updated")
    link = entry.find(f"{ATOM}link")
    lines = [
        f"LOOK-OUT: {_text(entry, f'{ATOM}title')}",
        _text(entry, f"{ATOM}summary"),
        link.get("href", "") if link is not None else "",
    ]
    return LookOut(f"atom {key} {updated}", _joined(lines)) if key else None


def _text(element: ElementTree.Element, path: str) -> str:
    """Return an element's text in one line of words."""
    return " ".join((element.findtext(path) or "").split())


def _joined(lines: list[str]) -> str:
    return "\n".join(filter(None, lines))[:MOST_TEXT]


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
