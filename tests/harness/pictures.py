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


def with_place(jpeg: bytes, orientation: int, camera: str) -> bytes:
    """Return the JPEG with an EXIF block as phones write it: camera, orientation, place."""
    make = camera.encode() + b"\0"
    # A TIFF header and two directories (EXIF 2.3, section 4.6): of the picture, and of the place.
    first = 8
    place = first + 2 + 3 * 12 + 4
    values = place + 2 + 4 * 12 + 4
    degrees = [
        struct.pack(">6I", *value) for value in ((17, 1, 21, 1, 42, 1), (78, 1, 28, 1, 29, 1))
    ]
    entries = (
        struct.pack(">HHII", 0x010F, 2, len(make), values + 48),
        struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0),
        struct.pack(">HHII", 0x8825, 4, 1, place),
    )
    position = (
        struct.pack(">HHI4s", 1, 2, 2, b"N"),
        struct.pack(">HHII", 2, 5, 3, values),
        struct.pack(">HHI4s", 3, 2, 2, b"E"),
        struct.pack(">HHII", 4, 5, 3, values + 24),
    )
    tiff = b"MM\0*" + struct.pack(">I", first)
    for directory in (entries, position):
        tiff += struct.pack(">H", len(directory)) + b"".join(directory) + b"\0\0\0\0"
    block = b"Exif\0\0" + tiff + b"".join(degrees) + make
    assert jpeg.startswith(b"\xff\xd8")
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def moving_gif(comment: str) -> bytes:
    """Return a GIF of two frames, red and green, with a comment and with what follows its end."""
    said = comment.encode()
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
    pause = b"\x21\xf9\x04\0" + struct.pack("<H", 20) + b"\0\0"
    return b"".join(
        (
            *(b"GIF89a", struct.pack("<HHBBB", 1, 1, 0x80, 0, 0), b"\xff\0\0\0\xff\0"),
            b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
            *(b"\x21\xfe", bytes([len(said)]), said, b"\0"),
            *(pause, frame, b"\x02\x02\x44\x01\0"),
            *(pause, frame, b"\x02\x02\x4c\x01\0"),
            b"\x3b",
            said,
        )
    )


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page, in a font that it does not bring along."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, text in enumerate(pages):
        content = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * at} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        ]
    written = b"%PDF-1.7\n"
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{one}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        written
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
            f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\n"
            f"startxref\n{len(written)}\n%%EOF\n"
        ).encode()
    )
