"""A QR code as an SVG image: ISO/IEC 18004, byte mode, error correction M, versions 1 to 20 (666 bytes).

Banks give the text of their code, never a picture of it that we would have to trust or to load from elsewhere.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise, product
from typing import Final

Grid = list[list[bool]]

BYTES_MAX: Final = 666
_QUIET: Final = 4  # modules of white around the code
_LEVEL_M: Final = 0b00
_FALSE_FINDERS: Final = ("10111010000", "00001011101")

# Where the format stands in the corner, lowest bit first.
_FORMAT: Final = (*((8, y) for y in (0, 1, 2, 3, 4, 5, 7, 8)), *((x, 8) for x in (7, 5, 4, 3, 2, 1, 0)))
# By version, from 1: check bytes per block, and blocks (table 9 of the standard, level M).
_CHECKS: Final = (10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26)
_BLOCKS: Final = (1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16)

_MASKS: Final[tuple[Callable[[int, int], bool], ...]] = (
    lambda x, y: (x + y) % 2 == 0,
    lambda _, y: y % 2 == 0,
    lambda x, _: x % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)


def qr_image(text: str) -> str:
    """A `data:` address of the code of a text. ValueError above 666 bytes of UTF-8."""
    return "data:image/svg+xml;base64," + b64encode(_svg(qr_modules(text)).encode()).decode()


def qr_modules(text: str) -> Grid:
    """The dark (True) and light modules, row by row, without the quiet zone."""
    content = text.encode()
    version = _version(len(content))
    bits = _bits(_interleaved(version, _data(version, content)))
    grid, fixed = _frame(version)
    _fill(grid, fixed, bits)
    masked = [_masked(grid, fixed, number) for number in range(len(_MASKS))]
    return min(masked, key=_penalty)


def _svg(grid: Grid) -> str:
    side = len(grid) + 2 * _QUIET
    path = "".join(f"M{x + _QUIET} {y + _QUIET}h{width}v1h-{width}z" for x, y, width in _runs(grid))
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"'
    return f'<svg {box}><path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'


def _runs(grid: Grid) -> Iterator[tuple[int, int, int]]:
    """Dark stretches of a row: where they begin and how long they are."""
    for y, row in enumerate(grid):
        x = 0
        for dark, run in groupby(row):
            width = len(list(run))
            if dark:
                yield x, y, width
            x += width


def _version(size: int) -> int:
    for version in range(1, len(_CHECKS) + 1):
        if size + 2 + (version > 9) <= _capacity(version):  # noqa: PLR2004 - longer counts from version 10
            return version
    raise ValueError(f"a QR code here holds at most {BYTES_MAX} bytes, not {size}")


def _raw_bytes(version: int) -> int:
    modules = (16 * version + 128) * version + 64
    if version > 1:
        patterns = version // 7 + 2
        modules -= (25 * patterns - 10) * patterns - 55
    return (modules - (36 if version > 6 else 0)) // 8  # noqa: PLR2004 - from version 7 the version is drawn


def _capacity(version: int) -> int:
    return _raw_bytes(version) - _CHECKS[version - 1] * _BLOCKS[version - 1]


def _data(version: int, content: bytes) -> bytes:
    """Mode, length, content, end and padding."""
    count_bits = 16 if version > 9 else 8  # noqa: PLR2004 - longer counts from version 10
    bits = f"0100{len(content):0{count_bits}b}" + "".join(f"{byte:08b}" for byte in content)
    room = _capacity(version) * 8
    bits += "0" * min(4, room - len(bits))
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return packed + (b"\xec\x11" * (room // 8))[: room // 8 - len(packed)]


def _interleaved(version: int, content: bytes) -> bytes:
    """Data and check bytes of all blocks, taken from each in turn; the later blocks are one byte longer."""
    count, check = _BLOCKS[version - 1], _CHECKS[version - 1]
    short, longer = divmod(len(content), count)
    blocks, at = [], 0
    for number in range(count):
        size = short + (number >= count - longer)
        blocks.append(content[at : at + size])
        at += size
    checks = [_remainder(block, check) for block in blocks]
    turns = [block[turn] for turn in range(short + 1) for block in blocks if turn < len(block)]
    return bytes(turns + [part[turn] for turn in range(check) for part in checks])


def _times(one: int, other: int) -> int:
    """The product in GF(256) modulo 0x11D."""
    product = 0
    for place in reversed(range(8)):
        product = (product << 1) ^ ((product >> 7) * 0x11D)
        product ^= ((other >> place) & 1) * one
    return product


def _remainder(block: bytes, degree: int) -> bytes:
    """The Reed-Solomon check bytes of a block."""
    divisor, root = [0] * (degree - 1) + [1], 1
    for _ in range(degree):
        for at in range(degree):
            divisor[at] = _times(divisor[at], root) ^ (divisor[at + 1] if at + 1 < degree else 0)
        root = _times(root, 2)
    rest = [0] * degree
    for byte in block:
        factor = byte ^ rest.pop(0)
        rest.append(0)
        rest = [value ^ _times(part, factor) for value, part in zip(rest, divisor, strict=True)]
    return bytes(rest)


def _bits(content: bytes) -> list[bool]:
    return [bool(byte >> place & 1) for byte in content for place in reversed(range(8))]


def _frame(version: int) -> tuple[Grid, Grid]:
    """The modules every code of a version has, and which ones they are."""
    size = version * 4 + 17
    grid = [[False] * size for _ in range(size)]
    fixed = [[False] * size for _ in range(size)]
    for x, y, dark in _patterns(version, size):
        if 0 <= x < size and 0 <= y < size:
            grid[y][x], fixed[y][x] = dark, True
    return grid, fixed


def _patterns(version: int, size: int) -> Iterator[tuple[int, int, bool]]:
    """Timing, finders, alignment, the places of the format (drawn with the mask), version; later ones win."""
    for at in range(size):
        yield from ((6, at, at % 2 == 0), (at, 6, at % 2 == 0))
    for left, top in ((0, 0), (size - 7, 0), (0, size - 7)):
        around = product(range(-1, 8), repeat=2)
        yield from ((left + x, top + y, max(abs(x - 3), abs(y - 3)) not in {2, 4}) for x, y in around)
    for left, top in _alignments(version, size):
        around = product(range(-2, 3), repeat=2)
        yield from ((left + x, top + y, max(abs(x), abs(y)) != 1) for x, y in around)
    for x, y in (*_FORMAT, *_format_edges(size)):
        yield x, y, False
    yield 8, size - 8, True
    for at, dark in enumerate(_version_bits(version)):
        yield from ((size - 11 + at % 3, at // 3, dark), (at // 3, size - 11 + at % 3, dark))


def _format_edges(size: int) -> list[tuple[int, int]]:
    """Where the second copy of the format stands, lowest bit first."""
    return [(size - 1 - at, 8) for at in range(8)] + [(8, size - 7 + at) for at in range(7)]


def _alignments(version: int, size: int) -> Iterator[tuple[int, int]]:
    if version == 1:
        return
    patterns = version // 7 + 2
    step = (version * 8 + patterns * 3 + 5) // (patterns * 4 - 4) * 2
    places = [6, *(size - 7 - step * at for at in reversed(range(patterns - 1)))]
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    yield from ((x, y) for x in places for y in places if (x, y) not in corners)


def _version_bits(version: int) -> list[bool]:
    if version < 7:  # noqa: PLR2004 - from version 7 the version is drawn
        return []
    value = version << 12 | _checked(version, 12, 0x1F25)
    return [bool(value >> place & 1) for place in range(18)]


def _checked(value: int, places: int, polynomial: int) -> int:
    """The remainder of a BCH code."""
    rest = value
    for _ in range(places):
        rest = (rest << 1) ^ ((rest >> (places - 1)) * polynomial)
    return rest


def _fill(grid: Grid, fixed: Grid, bits: Sequence[bool]) -> None:
    """Lay the bits in columns of two, upwards and downwards in turn, from the right, without the timing column."""
    size, rest = len(grid), iter(bits)
    for right in (*range(size - 1, 6, -2), *range(5, 0, -2)):
        upward = (right + 1) & 2 == 0
        for step in range(size):
            y = size - 1 - step if upward else step
            for x in (right, right - 1):
                if not fixed[y][x]:
                    grid[y][x] = next(rest, False)


def _masked(grid: Grid, fixed: Grid, number: int) -> Grid:
    """The grid under one mask, with the format that names it."""
    size, mask = len(grid), _MASKS[number]
    made = [[dark != (not fixed[y][x] and mask(x, y)) for x, dark in enumerate(row)] for y, row in enumerate(grid)]
    value = _LEVEL_M << 3 | number
    value = (value << 10 | _checked(value, 10, 0x537)) ^ 0x5412
    for place, ((x, y), (other_x, other_y)) in enumerate(zip(_FORMAT, _format_edges(size), strict=True)):
        made[y][x] = made[other_y][other_x] = bool(value >> place & 1)
    return made


def _penalty(grid: Grid) -> int:
    """How hard a grid is to read: long runs, squares of one colour, false finders, one colour in excess."""
    lines = [*grid, *(list(column) for column in zip(*grid, strict=True))]
    runs = [len(list(run)) for line in lines for _, run in groupby(line)]
    points = sum(run - 2 for run in runs if run > 4)  # noqa: PLR2004 - five in a row disturb
    for line in lines:
        drawn = "".join("01"[dark] for dark in line)
        points += 40 * sum(drawn.startswith(_FALSE_FINDERS, at) for at in range(len(drawn)))
    for row, below in pairwise(grid):
        points += 3 * sum(len({row[x], row[x + 1], below[x], below[x + 1]}) == 1 for x in range(len(row) - 1))
    dark, total = sum(map(sum, grid)), len(grid) ** 2
    return points + abs(dark * 20 - total * 10) // total * 10
