"""Short codes people carry to a bank: the memo of a transfer, and the payment code of a bill.

A memo code is `PG` and 13 characters of an alphabet without vowels (a Vietnamese keyboard turns `aa` into `â` and `as`
into `á`), without 0, 1, D, W and other characters that are read, typed or rewritten as something else; its 54 bits are
unique, not secret. A payment code is 20 digits, said in groups of four; its 62 bits cannot be guessed. The last
character of either is a check: one wrong character, or two neighbours swapped, make no other code.
"""

import re
from typing import Final
from unicodedata import combining, normalize

MEMO_PREFIX: Final = "PG"
_ALPHABET: Final = "23456789BCFGHKMNPRSTVXZ"  # 23, a prime: weighted sums see every swap
_MEMO_CHARS: Final = 12
MEMO_CODES: Final = len(_ALPHABET) ** _MEMO_CHARS
_MEMO: Final = re.compile(f"(?=({MEMO_PREFIX}[{_ALPHABET}]{{{_MEMO_CHARS + 1}}}))")

_PAYMENT_DIGITS: Final = 19
PAYMENT_CODES: Final = 9 * 10 ** (_PAYMENT_DIGITS - 1)  # the first digit is never 0: spreadsheets drop it
_GROUP: Final = 4
_TEXT_CHARS_MAX: Final = 500
# Damm's quasigroup of order 10 (H. M. Damm, 2004): sees every single error and every swap of neighbours.
_DAMM: Final = (
    "0317598642", "7092154863", "4206871359", "1750983426", "6123045978",
    "3674209581", "5869720134", "8945362017", "9438617205", "2581436790",
)  # fmt: skip


def memo_code(number: int) -> str:
    """The code of a number below `MEMO_CODES`."""
    chars = []
    for _ in range(_MEMO_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        chars.append(_ALPHABET[digit])
    body = "".join(chars)
    return MEMO_PREFIX + body + _memo_check(body)


def is_memo_code(text: str) -> bool:
    """Whether a text is a code in our writing, check and all."""
    return bool(_MEMO.match(text)) and len(text) == len(MEMO_PREFIX) + _MEMO_CHARS + 1 and _checks(text)


def memo_codes_in(text: str) -> tuple[str, ...]:
    """Every code in what a bank made of a memo: accents, case, spaces and words around it do no harm."""
    plain = plain_text(text[:_TEXT_CHARS_MAX])
    return tuple(dict.fromkeys(found for found in _MEMO.findall(plain) if _checks(found)))


def plain_text(text: str) -> str:
    """Letters A to Z and digits only, in capitals, accents taken off."""
    bare = "".join(char for char in normalize("NFKD", text) if not combining(char))
    return re.sub(r"[^A-Z0-9]", "", bare.replace("đ", "d").replace("Đ", "D").upper())


def payment_code(number: int) -> str:
    """The code of a number below `PAYMENT_CODES`."""
    digits = str(number + 10 ** (_PAYMENT_DIGITS - 1))
    return digits + _damm(digits)


def read_payment_code(text: str) -> str | None:
    """The 20 digits of a code as a person writes it, with or without spaces, dots and dashes; None if it is none."""
    digits = re.sub(r"[\s.\-]", "", text[:_TEXT_CHARS_MAX])
    whole = len(digits) == _PAYMENT_DIGITS + 1 and digits.isascii() and digits.isdigit() and digits[0] != "0"
    return digits if whole and _damm(digits[:-1]) == digits[-1] else None


def grouped(code: str) -> str:
    """A code as it is said and printed: `1234 5678 …`."""
    return " ".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))


def _memo_check(body: str) -> str:
    total = sum(weight * _ALPHABET.index(char) for weight, char in enumerate(body, start=2))
    return _ALPHABET[-total % len(_ALPHABET)]


def _checks(code: str) -> bool:
    body, check = code[len(MEMO_PREFIX) : -1], code[-1]
    return _memo_check(body) == check


def _damm(digits: str) -> str:
    state = 0
    for digit in digits:
        state = int(_DAMM[state][int(digit)])
    return str(state)
