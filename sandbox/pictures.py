"""Pictures drawn from a name: avatars of people, emoticons."""

import struct
import zlib

SIDE = 32


def tile(name: str) -> bytes:
    """A PNG, 32 pixels square: one colour for a name, with a lighter corner."""
    shade = zlib.crc32(name.encode())
    colour = bytes(64 + (shade >> shift) % 128 for shift in (0, 8, 16))
    lighter = bytes(value + 64 for value in colour)
    half = SIDE // 2
    upper, lower = b"\0" + lighter * half + colour * half, b"\0" + colour * SIDE
    pixels = zlib.compress(upper * half + lower * half)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)  # 8 bits each of red, green and blue
    parts = _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
