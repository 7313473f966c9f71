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

    `total_vnd` is whole đồng, 0 or more; the parts always add up to it. Raises ValueError for a negative total, or
    for shares that do not leave exactly one rest of 0% or more.
    """
    if total_vnd < 0:
        raise ValueError(f"cannot split a negative amount: {total_vnd}")
    if len(shares) == 1 and shares[0].pct_millionths is None:  # every lệ phí: the treasury takes it whole
        return (total_vnd,)
    parts, rest_at, rest_vnd, rest_millionths = [], -1, total_vnd, WHOLE_MILLIONTHS
    for index, share in enumerate(shares):
        part_vnd, millionths = 0, share.pct_millionths
        if millionths is not None and millionths > 0:
            part_vnd = total_vnd * millionths // WHOLE_MILLIONTHS
            rest_vnd -= part_vnd
            rest_millionths -= millionths
        elif millionths is None and rest_at < 0:
            rest_at = index
        else:
            raise ValueError(check_shares(shares))
        parts.append(part_vnd)
    if rest_at < 0 or rest_millionths < 0:
        raise ValueError(check_shares(shares))
    parts[rest_at] = rest_vnd
    return tuple(parts)
