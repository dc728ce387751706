"""A film for tests: six seconds of moving squares, indexed as what a camera app writes.

``film.webm`` beside this file is what Chromium's MediaRecorder made (VP8, 320 × 240, a key frame
each second); ``python -m tests.harness.film`` records it again. A recorder writes no length and no
index, because it does not know them while it records: :func:`indexed` adds both, in front, and
zeros behind some frames where a film should be large: decoders pass over them.
"""

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.harness.chromium import launch

FILE = Path(__file__).with_name("film.webm")
SECONDS = 6

# Elements of Matroska (RFC 9559, section 5).
SEGMENT, INFO, TRACKS, CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
TIMESTAMP_SCALE, DURATION, TITLE = 0x2AD7B1, 0x4489, 0x7BA9
CUES, CUE_POINT, CUE_TIME, CUE_TRACK_POSITIONS = 0x1C53BB6B, 0xBB, 0xB3, 0xB7
CUE_TRACK, CUE_CLUSTER_POSITION = 0xF7, 0xF1
TIMESTAMP, SIMPLE_BLOCK = 0xE7, 0xA3
BLOCK_GROUP, BLOCK, REFERENCE_BLOCK = 0xA0, 0xA1, 0xFB
MS = 1_000_000  # Nanoseconds of one unit of time.

RECORD = """async (seconds) => {
  const canvas = document.createElement("canvas");
  canvas.width = 320; canvas.height = 240;
  const paint = canvas.getContext("2d");
  let frame = 0;
  const draw = () => {
    paint.fillStyle = "#20304a";
    paint.fillRect(0, 0, 320, 240);
    for (let n = 0; n < 6; n++) {
      paint.fillStyle = `hsl(${n * 60} 70% 60%)`;
      paint.fillRect((n * 53 + frame * (n + 1)) % 320, n * 40, 36, 36);
    }
    frame += 1;
  };
  draw();
  const timer = setInterval(draw, 40);
  const recorder = new MediaRecorder(canvas.captureStream(25), {
    mimeType: "video/webm;codecs=vp8", videoBitsPerSecond: 150_000,
    videoKeyFrameIntervalDuration: 1000,
  });
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const stopped = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  setTimeout(() => recorder.stop(), seconds * 1000);
  await stopped;
  clearInterval(timer);
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768)
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}"""


@dataclass(frozen=True)
class Block:
    """A frame as the recorder wrote it."""

    time_ms: int
    key: bool
    track: int
    payload: bytes


def recorded() -> bytes:
    """Return the film without length and index."""
    return FILE.read_bytes()


def indexed(film: bytes, gap: int = 0, title: str = "") -> bytes:
    """Return the film with its length and an index of its key frames before the first of them.

    A part begins at each key frame; ``gap`` zeros follow the last frame of each but the last.
    ``title`` is in the head, as a camera app writes a place.
    """
    head_end = next(at for at, kind, _ in _elements(film, 0) if kind == SEGMENT)
    info = dict(_inside(film, INFO))
    blocks = list(_blocks(film))
    length_ms = blocks[-1].time_ms + 40
    kept = {kind: body for kind, body in info.items() if kind not in (TIMESTAMP_SCALE, DURATION)}
    head = _element(
        INFO,
        _number(TIMESTAMP_SCALE, MS)
        + _element(DURATION, struct.pack(">d", float(length_ms)))
        + b"".join(_element(kind, body) for kind, body in kept.items())
        + (_element(TITLE, title.encode()) if title else b""),
    ) + _element(TRACKS, b"".join(_element(kind, body) for kind, body in _inside(film, TRACKS)))
    parts = _parts(blocks, gap)
    # All positions have eight bytes, so the index is as long with zeros as with the truth.
    first = len(head) + len(_index([(time, 0) for time, _ in parts]))
    places: list[tuple[int, int]] = []
    body = b""
    for time, cluster in parts:
        places.append((time, first + len(body)))
        body += cluster
    return film[:head_end] + _element(SEGMENT, head + _index(places) + body)


def _parts(blocks: list[Block], gap: int) -> list[tuple[int, bytes]]:
    groups: list[list[Block]] = []
    for block in blocks:
        if block.key or not groups:
            groups.append([])
        groups[-1].append(block)
    found: list[tuple[int, bytes]] = []
    for group in groups:
        start = group[0].time_ms
        frames = b"".join(
            _element(
                SIMPLE_BLOCK,
                bytes([0x80 | block.track])
                + struct.pack(">hB", block.time_ms - start, 0x80 if block.key else 0)
                + block.payload
                + bytes(gap if block is group[-1] and group is not groups[-1] else 0),
            )
            for block in group
        )
        found.append((start, _element(CLUSTER, _number(TIMESTAMP, start) + frames)))
    return found


def _index(places: list[tuple[int, int]]) -> bytes:
    return _element(
        CUES,
        b"".join(
            _element(
                CUE_POINT,
                _number(CUE_TIME, time)
                + _element(
                    CUE_TRACK_POSITIONS, _number(CUE_TRACK, 1) + _number(CUE_CLUSTER_POSITION, at)
                ),
            )
            for time, at in places
        ),
    )


def _blocks(film: bytes) -> Iterator[Block]:
    cluster = 0
    for _, kind, body in _elements(film, 0):
        if kind == TIMESTAMP:
            cluster = int.from_bytes(body)
        elif kind == BLOCK_GROUP:
            inside = {one: content for _, one, content in _elements(body, 0)}
            block = inside[BLOCK]
            (time,) = struct.unpack(">h", block[1:3])
            # A frame that refers to no other is a key frame.
            yield Block(cluster + time, REFERENCE_BLOCK not in inside, block[0] & 0x7F, block[4:])


def _elements(film: bytes, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each element begins, its id, its content; segments and clusters are entered."""
    at = start
    while at < len(film):
        begin = at
        kind, at = _id(film, at)
        size, at = _size(film, at)
        if kind in (SEGMENT, CLUSTER):
            yield begin, kind, b""
            continue
        assert size is not None, f"an element of unknown size: {kind:x}"
        yield begin, kind, film[at : at + size]
        at += size


def _inside(film: bytes, wanted: int) -> Iterator[tuple[int, bytes]]:
    body = next(body for _, kind, body in _elements(film, 0) if kind == wanted)
    for _, kind, content in _elements(body, 0):
        yield kind, content


def _id(film: bytes, at: int) -> tuple[int, int]:
    length = 9 - film[at].bit_length()
    return int.from_bytes(film[at : at + length]), at + length


def _size(film: bytes, at: int) -> tuple[int | None, int]:
    length = 9 - film[at].bit_length()
    value = int.from_bytes(film[at : at + length]) & ((1 << 7 * length) - 1)
    unknown = value == (1 << 7 * length) - 1
    return None if unknown else value, at + length


def _element(kind: int, body: bytes) -> bytes:
    return kind.to_bytes((kind.bit_length() + 7) // 8) + (len(body) | 1 << 56).to_bytes(8) + body


def _number(kind: int, value: int) -> bytes:
    return _element(kind, value.to_bytes(8))


def record() -> bytes:
    """Let Chromium make the film; takes as long as the film."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            return base64.b64decode(browser.new_page().evaluate(RECORD, SECONDS))
        finally:
            browser.close()


if __name__ == "__main__":
    FILE.write_bytes(record())
    print(f"{FILE}: {FILE.stat().st_size} bytes")
