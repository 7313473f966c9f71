"""The text of a VietQR code: EMVCo merchant-presented TLV with NAPAS's template (NAPAS 247, IBFT v1.5.2).

Two digits of tag, two of length, the value; template 38 holds the account, 62.08 the memo, 63 a CRC-16 over all before
it. Everything is ASCII: clients disagree about the length of an accented letter.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from paygw.kernel.codes import plain_text

NAPAS: Final = "A000000727"
MEMO_CHARS_MAX: Final = 25
_ACCOUNT: Final = re.compile(r"[0-9A-Za-z]{1,19}", re.ASCII)
_BIN: Final = re.compile(r"[0-9]{6}", re.ASCII)
_AMOUNT: Final = re.compile(r"[1-9][0-9]{0,12}", re.ASCII)
_VALUE_CHARS_MAX: Final = 99
_TEXT_CHARS_MAX: Final = 512
_CRC_CHARS: Final = 8  # 6304 and four digits

Service = Literal["QRIBFTTA", "QRIBFTTC"]  # to an account, to a card


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a code asks for. Without an amount the payer types one; `purpose` is the memo."""

    bank_bin: str
    account: str
    amount_vnd: int | None = None
    purpose: str = ""
    service: Service = "QRIBFTTA"


def write(transfer: Transfer) -> str:
    """The text of the code. Raises ValueError where the standard has no room for a value."""
    fits = _BIN.fullmatch(transfer.bank_bin) and _ACCOUNT.fullmatch(transfer.account)
    amount = "" if transfer.amount_vnd is None else str(transfer.amount_vnd)
    if not fits or (amount and not _AMOUNT.fullmatch(amount)):
        raise ValueError("a VietQR code takes 6 digits, an account of at most 19 letters and digits, a positive amount")
    purpose = memo_text(transfer.purpose)
    account = _field("00", transfer.bank_bin) + _field("01", transfer.account)
    text = (
        _field("00", "01")
        + _field("01", "12" if amount else "11")
        + _field("38", _field("00", NAPAS) + _field("01", account) + _field("02", transfer.service))
        + _field("53", "704")
        + (_field("54", amount) if amount else "")
        + _field("58", "VN")
        + (_field("62", _field("08", purpose)) if purpose else "")
        + "6304"
    )
    return text + crc(text)


def read(text: str) -> Transfer | None:
    """What a code asks for, or None for anything that is no whole VietQR code to an account or card."""
    if len(text) > _TEXT_CHARS_MAX or not text.isascii() or text[-_CRC_CHARS:-4] != "6304":
        return None
    if crc(text[:-4]) != text[-4:].upper():
        return None
    top = _fields(text)
    template = _fields(top.get("38", ""))
    account = _fields(template.get("01", ""))
    amount, service = top.get("54", ""), template.get("02", "QRIBFTTA")
    whole = template.get("00") == NAPAS and top.get("53", "704") == "704" and set(amount) <= set("0123456789")
    if not whole or "00" not in account or "01" not in account or service not in {"QRIBFTTA", "QRIBFTTC"}:
        return None
    return Transfer(
        bank_bin=account["00"],
        account=account["01"],
        amount_vnd=int(amount) if amount else None,
        purpose=_fields(top.get("62", "")).get("08", ""),
        service="QRIBFTTC" if service == "QRIBFTTC" else "QRIBFTTA",
    )


def memo_text(text: str) -> str:
    """A memo every bank app shows as it is: no accents, `A-Z a-z 0-9 . _ / -` and single spaces, at most 25."""
    words = ["".join(_plain(char) for char in word) for word in text.split()]
    return " ".join(word for word in words if word)[:MEMO_CHARS_MAX].strip()


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE in four capital digits: polynomial 1021, begun with FFFF, nothing reflected."""
    state = 0xFFFF
    for byte in text.encode():
        state ^= byte << 8
        for _ in range(8):
            state = (state << 1) ^ 0x1021 if state & 0x8000 else state << 1
        state &= 0xFFFF
    return f"{state:04X}"


def _plain(char: str) -> str:
    if char.isascii():
        return char if char.isalnum() or char in "._/-" else ""
    letters = plain_text(char)
    return letters.lower() if char.islower() else letters


def _field(tag: str, value: str) -> str:
    if len(value) > _VALUE_CHARS_MAX:
        raise ValueError(f"field {tag} of a VietQR code takes 99 characters")
    return f"{tag}{len(value):02d}{value}"


def _fields(text: str) -> dict[str, str]:
    """The fields of a template; empty where its lengths do not fit it or a tag is repeated."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        value = text[at + 4 : at + 4 + int(length)] if length.isdigit() else ""
        if not length.isdigit() or len(value) != int(length) or tag in found:
            return {}
        found[tag] = value
        at += 4 + len(value)
    return found
