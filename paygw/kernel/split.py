"""Divide an amount between beneficiaries exactly: no đồng is lost, none is made."""

from dataclasses import dataclass
from typing import Final

WHOLE_MILLIONTHS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ShareRule:
    """One beneficiary's part. `pct_millionths` is percent times 10,000 (20% = 200,000); None takes the rest."""

    to: str
    pct_millionths: int | None


def check_shares(shares: tuple[ShareRule, ...]) -> str | None:
    """Say what is wrong with a split in one sentence, or None if it can divide any amount."""
    names = [share.to for share in shares]
    parts = [share.pct_millionths for share in shares if share.pct_millionths is not None]
    if len(set(names)) != len(names):
        return "a beneficiary is listed twice"
    if len(shares) - len(parts) != 1:
        return "exactly one share must take the rest"
    if any(part <= 0 for part in parts):
        return "a share must be above 0%"
    if sum(parts) > WHOLE_MILLIONTHS:
        return "the shares exceed 100%"
    return None


def split(total_vnd: int, shares: tuple[ShareRule, ...]) -> tuple[int, ...]:
    """Share out `total_vnd` in the order of `shares`: each listed percentage is floored, the rest takes what is left.

    `total_vnd` is whole đồng, 0 or more; the parts always add up to it. Raises ValueError for a negative total
    or for shares that `check_shares` refuses.
    """
    if total_vnd < 0:
        msg = f"cannot split a negative amount: {total_vnd}"
        raise ValueError(msg)
    if problem := check_shares(shares):
        raise ValueError(problem)
    floors = [
        0 if share.pct_millionths is None else total_vnd * share.pct_millionths // WHOLE_MILLIONTHS for share in shares
    ]
    rest_vnd = total_vnd - sum(floors)
    return tuple(
        rest_vnd if share.pct_millionths is None else floor for share, floor in zip(shares, floors, strict=True)
    )
