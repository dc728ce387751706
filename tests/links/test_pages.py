"""Reading of pages: the words, their encoding, and the time that a hostile page takes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copconnect.limits import LINK_DESCRIPTION, LINK_TITLE
from copconnect.links.rules import words_of

TELUGU = "తెలంగాణ పోలీసు"


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        (f"<title>{TELUGU}</title>".encode(), ""),
        (f"<title>{TELUGU}</title>".encode(), "no-such-charset"),
        (f"<title>{TELUGU}</title>".encode(), "punycode"),
        (f"\ufeff<title>{TELUGU}</title>".encode("utf-16-le"), "utf-8"),
        (f"<title>{TELUGU}</title>".encode("utf-16-be"), "utf-16be"),
    ],
)
def test_the_encoding_is_found(content: bytes, charset: str) -> None:
    assert words_of(content, charset).title == TELUGU


def test_the_encoding_that_a_page_declares_counts() -> None:
    content = '<meta charset="windows-1251"><title>Закон</title>'.encode("windows-1251")
    assert words_of(content, "").title == "Закон"


def test_words_are_one_line_without_signs_that_deceive() -> None:
    page = words_of("<title>\u202egpj.\u200bexe\u0000 \n\t క్\u200cష</title>".encode(), "")
    assert page.title == "gpj.exe క్\u200cష"


def test_a_wrong_declaration_ends_the_page_and_nothing_else() -> None:
    assert words_of(b"<title>Bail</title><![a]><title>other</title>", "").title == "Bail"


def test_words_are_cut() -> None:
    head = f"<meta name=description content='{'w ' * 5_000}'><title>{'t' * 5_000}</title>"
    page = words_of(head.encode(), "")
    assert (len(page.title), page.title[-1]) == (LINK_TITLE, "…")
    assert len(page.description) <= LINK_DESCRIPTION


def test_the_first_word_counts_and_markup_in_it_is_text() -> None:
    page = words_of(
        b"<title>of the tab</title><meta property='og:title' content='&lt;b&gt;one&lt;/b&gt;'>"
        b"<meta property='og:title' content='two'>",
        "",
    )
    assert page.title == "<b>one</b>"


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<!",
        "<![CDATA[",
        "<a ",
        "<a b='",
        "</",
        "<",
        "&",
        "<a>",
        "<title>",
        "<script></",
        "<!>",
        "<!---->",
        "<![a]>",
        "</a>",
        "<?",
    ],
)
def test_a_hostile_page_takes_no_time(piece: str) -> None:
    """512 KB of one piece, of which a reader that looks back takes minutes."""
    began = time.process_time()
    words_of((piece * (512 * 1024 // len(piece))).encode(), "")
    assert time.process_time() - began < 2


@given(st.binary(max_size=400), st.text(max_size=20))
def test_any_bytes_are_read(content: bytes, charset: str) -> None:
    words_of(b"<meta name='description' content='" + content, charset)
    words_of(content, charset)
