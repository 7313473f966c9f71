"""Amounts of đồng in figures and in Vietnamese words, as receipts print them (northern standard, no "chẵn")."""

import re
from collections.abc import Iterator
from typing import Final

from paygw.kernel.errors import Refused

_DIGITS: Final = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_GROUPS: Final = ((10**6, "triệu"), (10**3, "nghìn"), (1, ""))
_AFTER_TEN: Final = {5: "lăm"}
_AFTER_MUOI: Final = {1: "mốt", 4: "tư", 5: "lăm"}
_BILLION: Final = 10**9
_TYPED: Final = re.compile(r"[0-9]{1,16}|[0-9]{1,3}(?:\.[0-9]{3}){1,5}")


def format_vnd(amount_vnd: int) -> str:
    """Figures with dots between thousands: 1205000 gives `1.205.000 đồng`."""
    return f"{amount_vnd:,}".replace(",", ".") + " đồng"


def vnd_of(text: str) -> int:
    """What a person typed: `12000` or `12.000`, never part of a đồng. Raises Refused `invalid_value` for all else."""
    if not text.isascii() or not _TYPED.fullmatch(text):
        raise Refused("invalid_value", "An amount is whole đồng: 12000, or 12.000 with a dot before every three.")
    return int(text.replace(".", ""))


def amount_in_words(amount_vnd: int) -> str:
    """Words with a capital first letter, ending in `đồng`. Whole đồng, 0 or more; ValueError below 0."""
    if amount_vnd < 0:
        msg = f"an amount on a receipt is never negative: {amount_vnd}"
        raise ValueError(msg)
    words = " ".join(_number(amount_vnd, leading=True)) or _DIGITS[0]
    return f"{words[0].upper()}{words[1:]} đồng"


def _number(number: int, *, leading: bool) -> Iterator[str]:
    """Words of a number; zero has none. Only the leading group may leave its empty hundreds unread."""
    billions, below = divmod(number, _BILLION)
    if billions:
        yield from _number(billions, leading=leading)
        yield "tỷ"
        leading = False
    for size, name in _GROUPS:
        group, below = divmod(below, size)
        if not group:
            continue
        yield from _group(group, leading=leading)
        if name:
            yield name
        leading = False


def _group(group: int, *, leading: bool) -> Iterator[str]:
    """Words of three digits, 1 to 999."""
    hundreds, below = divmod(group, 100)
    tens, units = divmod(below, 10)
    if hundreds or not leading:
        yield _DIGITS[hundreds]
        yield "trăm"
        if units and not tens:
            yield "linh"
    if tens == 1:
        yield "mười"
    elif tens:
        yield _DIGITS[tens]
        yield "mươi"
    if units:
        yield _unit(units, tens=tens)


def _unit(units: int, *, tens: int) -> str:
    """The last digit: lăm after mười or mươi, mốt and tư after mươi only."""
    changed = _AFTER_MUOI if tens > 1 else _AFTER_TEN if tens else {}
    return changed.get(units, _DIGITS[units])
