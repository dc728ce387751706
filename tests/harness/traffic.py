"""Takes recorded TCP connections apart into what their bytes say.

HTTP/1.1 heads and bodies (chunks joined, gzip, deflate and brotli undone) and WebSocket messages
(unmasked, fragments joined, permessage-deflate undone). Bytes that cannot be parsed are handed out
raw, so that nothing recorded escapes a search.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import brotli
import h11

from tests.harness.recording import Recording

CONTINUATION, CLOSE = 0x0, 0x8
# h11 wants a limit for a head; a body may be any size.
HEAD_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Exhibit:
    """Some bytes and where they were seen."""

    where: str
    data: bytes
    # As sent, before a content coding was undone.
    sent_bytes: int = 0


def exhibits(recordings: list[Recording]) -> Iterator[Exhibit]:
    """Yield every head, body and message of the recordings, and each stream as it was."""
    for number, recording in enumerate(recordings):
        name = f"connection {number}"
        yield Exhibit(f"{name} up, raw", bytes(recording.sent))
        yield Exhibit(f"{name} down, raw", bytes(recording.received))
        yield from _connection(name, recording)


def _connection(name: str, recording: Recording) -> Iterator[Exhibit]:
    requests = list(_messages(h11.SERVER, bytes(recording.sent)))
    methods = [event.method for event, _ in requests if isinstance(event, h11.Request)]
    answers = list(_messages(h11.CLIENT, bytes(recording.received), methods))
    for index, (head, body) in enumerate(requests):
        assert isinstance(head, h11.Request)
        line = f"{name} request {index} {head.method.decode()} {head.target.decode()}"
        yield Exhibit(f"{line}, head", head.target + b"\n" + _head(head.headers))
        yield Exhibit(f"{line}, body", _decoded(head.headers, body), len(body))
    for index, (answer, body) in enumerate(answers):
        assert isinstance(answer, h11.Response | h11.InformationalResponse)
        line = f"{name} answer {index} {answer.status_code}"
        yield Exhibit(f"{line}, head", _head(answer.headers))
        if answer.status_code == 101:
            deflated = b"permessage-deflate" in _header(answer.headers, b"sec-websocket-extensions")
            yield from _frames(f"{name} socket down", body, deflated)
            if requests:
                yield from _frames(f"{name} socket up", requests[-1][1], deflated)
        else:
            yield Exhibit(f"{line}, body", _decoded(answer.headers, body), len(body))


Head = h11.Request | h11.Response | h11.InformationalResponse


def _messages(
    role: type[h11.SERVER] | type[h11.CLIENT],
    stream: bytes,
    methods: list[bytes] | None = None,
) -> Iterator[tuple[Head, bytes]]:
    """Yield (head, body); after an upgrade the body is all that follows.

    One h11 connection for each message: a recording has one direction only, and h11 checks both.
    """
    rest = stream
    index = 0
    while rest:
        connection = h11.Connection(role, max_incomplete_event_size=HEAD_LIMIT)
        if role is h11.CLIENT:
            method = methods[index] if methods and index < len(methods) else b"GET"
            # The answer's framing depends on its request: HEAD has no body, an upgrade may follow.
            headers = [("host", "x"), ("connection", "upgrade"), ("upgrade", "websocket")]
            connection.send(h11.Request(method=method, target="/", headers=headers))
            connection.send(h11.EndOfMessage())
        connection.receive_data(rest)
        connection.receive_data(b"")
        head: Head | None = None
        body = bytearray()
        try:
            while True:
                event = connection.next_event()
                if isinstance(event, h11.Request | h11.Response):
                    head = event
                    if _upgrades(event):
                        yield event, _after_head(rest)
                        return
                elif isinstance(event, h11.InformationalResponse):
                    if event.status_code == 101:
                        yield event, _after_head(rest)
                        return
                elif isinstance(event, h11.Data):
                    body += event.data
                else:
                    break  # EndOfMessage, NEED_DATA, PAUSED or ConnectionClosed.
        except h11.RemoteProtocolError:
            pass  # Cut short or not HTTP; the raw stream is its own exhibit.
        if head is None:
            return
        yield head, bytes(body)
        rest = connection.trailing_data[0]
        index += 1


def _upgrades(head: h11.Request | h11.Response) -> bool:
    return isinstance(head, h11.Request) and _header(head.headers, b"upgrade") == b"websocket"


def _after_head(stream: bytes) -> bytes:
    return stream.partition(b"\r\n\r\n")[2]


def _header(headers: h11._headers.Headers, name: bytes) -> bytes:
    return b",".join(value for key, value in headers if key == name).lower()


def _head(headers: h11._headers.Headers) -> bytes:
    return b"\n".join(key + b": " + value for key, value in headers)


def _decoded(headers: h11._headers.Headers, body: bytes) -> bytes:
    coding = _header(headers, b"content-encoding")
    if coding in (b"", b"identity"):
        return body
    # A body that was cut, or is on its way, is read as far as it came.
    if coding in (b"gzip", b"deflate"):
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
        content = inflater.decompress(body)
        assert inflater.unused_data == b"", "this search reads one compressed stream for each body"
        return content
    if coding == b"br":
        return bytes(brotli.Decompressor().process(body))
    raise AssertionError(f"this search cannot read the content coding {coding!r}")


def _frames(name: str, stream: bytes, deflated: bool) -> Iterator[Exhibit]:
    """Yield the messages of one direction of a WebSocket (RFC 6455 section 5, RFC 7692)."""
    inflater = zlib.decompressobj(-15)
    message = bytearray()
    compressed = False
    position = index = 0
    while position + 2 <= len(stream):
        first, second = stream[position], stream[position + 1]
        length, position = second & 0x7F, position + 2
        if length >= 126:
            width = 2 if length == 126 else 8
            length = int.from_bytes(stream[position : position + width], "big")
            position += width
        mask = b""
        if second & 0x80:
            mask, position = stream[position : position + 4], position + 4
        payload = stream[position : position + length]
        position += length
        if mask and payload:
            pad = (mask * (len(payload) // 4 + 1))[: len(payload)]
            payload = bytes(
                (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(
                    len(payload), "big"
                )
            )
        opcode = first & 0x0F
        if opcode >= CLOSE:
            yield Exhibit(f"{name} control frame {index}", payload)
        else:
            if opcode != CONTINUATION:
                compressed = bool(first & 0x40)
            message += payload
            if first & 0x80:
                data = bytes(message)
                if compressed and deflated:
                    data = inflater.decompress(data + b"\x00\x00\xff\xff")
                yield Exhibit(f"{name} message {index}", data)
                message.clear()
        index += 1
    if message:
        yield Exhibit(f"{name} message {index}, cut short", bytes(message))
