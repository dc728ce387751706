"""The search finds what is planted, in every spelling, and nothing where nothing is."""

import base64
import gzip
import json
import secrets
import sqlite3
import struct
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.plaintext import (
    Needle,
    scan,
    secret_bytes,
    secret_number,
    secret_text,
    stored,
)
from tests.harness.traffic import Exhibit

TEXT = "Meet at the Charminar gate, నమస్తే"
PHOTO = bytes(range(256)) * 40


def _found(data: bytes, *needles: Needle) -> bool:
    return bool(scan([Exhibit("here", data)], needles))


@pytest.mark.parametrize(
    "spelled",
    [
        TEXT.encode(),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.upper().encode(),
        json.dumps({"text": TEXT}).encode(),
        quote(TEXT).encode(),
        TEXT.encode().hex().encode(),
        gzip.compress(b"before" + TEXT.encode(), mtime=0),  # Its name must not change.
        b"junk \x78\x9c junk" + zlib.compress(TEXT.encode()),
        zlib.compress(TEXT.encode(), 9),
    ],
)
def test_a_text_is_found_in_each_spelling(spelled: bytes) -> None:
    assert _found(b"\x00\x01" + spelled + b"\xff", secret_text(TEXT))


@given(before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_a_text_is_found_in_base64_at_any_place(before: bytes, after: bytes) -> None:
    whole = before + TEXT.encode() + after
    assert _found(base64.b64encode(whole), secret_text(TEXT))
    assert _found(base64.urlsafe_b64encode(whole), secret_text(TEXT))


def test_a_file_is_found_by_any_of_its_parts() -> None:
    needle = secret_bytes("photo.jpg", PHOTO)
    assert _found(PHOTO[:40], needle)
    assert _found(PHOTO[-40:], needle)
    assert _found(base64.b64encode(PHOTO), needle)


@pytest.mark.parametrize(
    "spelled",
    [b'{"latitude":17.385044}', struct.pack(">d", 17.385044), struct.pack("<d", 17.385044)],
)
def test_a_coordinate_is_found(spelled: bytes) -> None:
    assert _found(spelled, secret_number("latitude", 17.385044))


@given(st.binary(max_size=4096))
def test_nothing_is_found_where_nothing_is(noise: bytes) -> None:
    needles = (secret_text(TEXT), secret_bytes("photo", PHOTO), secret_number("lat", 17.385044))
    assert not _found(noise, *needles)


def test_needles_that_prove_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        secret_text("hi")
    with pytest.raises(ValueError, match="too short"):
        secret_number("zero", 0.0)
    with pytest.raises(ValueError, match="too plain"):
        secret_bytes("padding", bytes(1000))


def test_a_stored_value_is_found_in_file_log_and_table(tmp_path: Path) -> None:
    long = "Ω".join(secrets.token_hex(8) for _ in range(2000))  # Spread over overflow pages.
    connection = sqlite3.connect(tmp_path / "copconnect.sqlite3")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE entry (body BLOB, note TEXT)")
    connection.execute("INSERT INTO entry VALUES (?, ?)", (TEXT.encode(), long))
    connection.commit()
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "report-charminar.pdf").write_bytes(gzip.compress(PHOTO))
    try:
        found = scan(
            stored(tmp_path),
            [
                secret_text(TEXT),
                secret_text(long),
                secret_bytes("photo", PHOTO),
                secret_text("report-charminar.pdf"),
            ],
        )
    finally:
        connection.close()
    places = {(finding.needle[:20], finding.where) for finding in found}
    assert (TEXT[:20], "copconnect.sqlite3 table entry row 0") in places
    assert (TEXT[:20], "file copconnect.sqlite3-wal") in places
    assert (long[:20], "copconnect.sqlite3 table entry row 0") in places
    assert any(needle == "photo" for needle, _ in places)
    assert ("report-charminar.pdf", "path blobs/report-charminar.pdf") in places
