"""The words of an order and of a link's preview, as an exported conversation tells them."""

from typing import Any

import msgspec

from copconnect.limits import LINK_PICTURE_BYTES, LINK_TITLE
from copconnect.sealing.exported.contents import all_words_of, content_of


def test_an_order_is_told_with_its_choices_and_its_checklist_in_each_language() -> None:
    telugu = {"title": "బందోబస్తు", "text": "రండి", "choices": ["సరే", "కుదరదు"], "items": ["లాకప్"]}
    order = {
        "title": "Bandobast",
        "text": "Come at 06:00",
        "choices": ["Yes", "No"],
        "items": ["Lock-up"],
        "translations": [telugu],
        "reference": "7",
    }
    words = ["Bandobast", "Come at 06:00", "Yes", "No", "Lock-up"]
    assert all_words_of(order) == [*words, "బందోబస్తు", "రండి", "సరే", "కుదరదు", "లాకప్", "7"]
    withdrawn = {"title": "", "text": "", "translations": [], "reference": "", "reason": "Over"}
    assert all_words_of(withdrawn) == ["Over"]


def _content(page: object) -> dict[str, Any]:
    said = {"v": 1, "kind": "text", "text": "https://a.in", "mentions": [], "replyTo": None}
    return content_of(msgspec.msgpack.encode(said | {"forwards": 0, "page": page}))


def test_the_preview_of_a_link_is_read_as_the_app_reads_it() -> None:
    page = {"title": "Bail\u202e rules", "description": "క్\u200cష", "picture": b"\xff\xd8\xff"}
    assert _content(page)["page"] == page | {"title": "Bail rules"}
    assert _content(None)["page"] is None
    wrongs: list[object] = [
        page | {"title": "x" * (LINK_TITLE + 1)},
        page | {"picture": bytes(LINK_PICTURE_BYTES + 1)},
        page | {"picture": "x"},
        {"title": "Bail"},
        [],
        "page",
    ]
    assert [_content(wrong) for wrong in wrongs] == [{}] * len(wrongs)
