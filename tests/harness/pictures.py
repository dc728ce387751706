"""Files to share in tests, made from nothing: a picture, a sound."""

import io
import random
import struct
import wave
import zlib


def noise_png(width: int, height: int, seed: int = 7) -> bytes:
    """Return a PNG of soft coloured blocks, different for every seed."""
    source = random.Random(seed)
    block = 16
    colours = [
        [source.randbytes(3) for _ in range(-(-width // block))] for _ in range(-(-height // block))
    ]
    rows = b"".join(
        b"\0" + b"".join(colours[y // block][x // block] for x in range(width))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def beeps_wav(seconds: float = 3.0, seed: int = 7) -> bytes:
    """Return a WAV file of quiet noise."""
    source = random.Random(seed)
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        frames = range(int(seconds * 8000))
        sound.writeframes(b"".join(struct.pack("<h", source.randint(-900, 900)) for _ in frames))
    return out.getvalue()
