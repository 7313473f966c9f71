"""What is on a screenshot: the grey values of a PNG as browsers write it (8 bits, not interlaced), and its QR codes."""

import struct
import zlib
from typing import Any

import numpy as np
import zxingcpp

Picture = np.ndarray[Any, np.dtype[np.uint8]]


def grey(png: bytes) -> Picture:
    """The grey values of a screenshot, row by row."""
    width, height, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert depth == 8
    channels = {2: 3, 6: 4, 0: 1}[colour]
    packed, at = b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + size]
        at += 12 + size
    raw = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    rows = np.zeros((height + 1, width * channels), np.int32)
    for no in range(height):
        rows[no + 1] = _unfiltered(int(raw[no, 0]), raw[no, 1:].astype(np.int32), rows[no], channels)
    pixels = rows[1:].reshape(height, width, channels)[:, :, : min(channels, 3)]
    made: Picture = pixels.mean(axis=2).astype(np.uint8)
    return made


def qr_texts(png: bytes) -> list[str]:
    """The texts a camera would read."""
    return [found.text for found in zxingcpp.read_barcodes(grey(png))]


def _unfiltered(kind: int, line: Any, above: Any, step: int) -> Any:  # noqa: ANN401 - arrays of numpy
    """One row before its filter (PNG, section 9)."""
    if kind == 0:
        return line
    if kind == 2:
        return (line + above) % 256
    made = np.zeros_like(line)
    for at in range(len(line)):
        left = int(made[at - step]) if at >= step else 0
        up, corner = int(above[at]), int(above[at - step]) if at >= step else 0
        guess = {1: left, 3: (left + up) // 2, 4: _nearest(left, up, corner)}[kind]
        made[at] = (int(line[at]) + guess) % 256
    return made


def _nearest(left: int, up: int, corner: int) -> int:
    target = left + up - corner
    return min((abs(target - left), 0, left), (abs(target - up), 1, up), (abs(target - corner), 2, corner))[2]
