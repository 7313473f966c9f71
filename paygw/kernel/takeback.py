"""Taking value back from slices: the reversal vector of money.md section 7 and its postings.

Floors are not monotone under a shrinking total (65/20/rest: 20 -> 13/4/3, 19 -> 12/3/4), hence the clamp and the
levelling: a leg never goes below zero nor above what its receipt holds.
"""

from dataclasses import replace

from paygw.kernel.orders import Line, Share
from paygw.kernel.posting import TREASURY, UNCLAIMED, Entry, give_back, held_by, payable
from paygw.kernel.receipts import Leg, Purse, Receipt, Slice, slice_entry

UNCLAIMED_LINE = Line(0, UNCLAIMED, "", 0, (Share(TREASURY, UNCLAIMED, None),))


def reversal_vector(purse: Purse, receipt: Receipt, order_id: str, line: Line, take_vnd: int) -> list[int]:
    """How much to take from each share of a line on one receipt; sums to `take_vnd`, never over what is live there."""
    live = purse.line_live_vnd(order_id, line.no)
    line_live = [live.get((share.beneficiary, share.code), 0) for share in line.shares]
    room = [_live_vnd(receipt, order_id, line.no, share) for share in line.shares]
    after = line.split_vnd(sum(line_live) - take_vnd)
    legs = [min(max(was - then, 0), cap) for was, then, cap in zip(line_live, after, room, strict=True)]
    surplus_vnd = sum(legs) - take_vnd
    if surplus_vnd > 0:
        return levelled(legs, surplus_vnd)
    spare = [cap - leg for cap, leg in zip(room, legs, strict=True)]
    kept = levelled(spare, -surplus_vnd)
    return [cap - rest for cap, rest in zip(room, kept, strict=True)]


def levelled(values: list[int], take_vnd: int) -> list[int]:
    """Take one đồng from the largest value, again and again (first of equals first), `take_vnd` times, in few steps."""
    values = list(values)
    while take_vnd > 0:
        top = max(values)
        group = [index for index, value in enumerate(values) if value == top]
        below = max((value for value in values if value < top), default=0)
        step_vnd = min(take_vnd, (top - below) * len(group))
        each, extra = divmod(step_vnd, len(group))
        for place, index in enumerate(group):
            values[index] -= each + (place < extra)
        take_vnd -= step_vnd
    return values


def take_legs(receipt: Receipt, order_id: str, line: Line, vector: list[int]) -> tuple[Receipt, tuple[Leg, ...]]:
    """Lower the slices of a line by a vector, undisbursed value first; the disbursed rest becomes needs."""
    legs: list[Leg] = []
    slices = list(receipt.slices)
    for share, amount_vnd in zip(line.shares, vector, strict=True):
        if amount_vnd == 0:
            continue
        at = next(i for i, piece in enumerate(slices) if _is(piece, order_id, line.no, share))
        piece = slices[at]
        undisbursed_vnd = min(amount_vnd, piece.undisbursed_vnd)
        disbursed_vnd = amount_vnd - undisbursed_vnd
        slices[at] = replace(
            piece, live_vnd=piece.live_vnd - amount_vnd, disbursed_vnd=piece.disbursed_vnd - disbursed_vnd
        )
        held = share.beneficiary == receipt.holder
        legs.append(Leg(line.no, share.beneficiary, share.code, undisbursed_vnd, disbursed_vnd, held=held))
    return replace(receipt, slices=tuple(slices)), tuple(legs)


def restore_legs(receipt: Receipt, legs: tuple[Leg, ...]) -> Receipt:
    """Put legs back on their slices, disbursed marks included (a withdrawn refund)."""
    slices = list(receipt.slices)
    for leg in legs:
        at = next(i for i, piece in enumerate(slices) if _is(piece, piece.order_id, leg.line_no, leg))
        piece = slices[at]
        slices[at] = replace(
            piece,
            live_vnd=piece.live_vnd + leg.undisbursed_vnd + leg.disbursed_vnd,
            disbursed_vnd=piece.disbursed_vnd + leg.disbursed_vnd,
        )
    return replace(receipt, slices=tuple(slices))


def leg_entries(receipt: Receipt, order_id: str | None, legs: tuple[Leg, ...], *, sign: int = 1) -> list[Entry]:
    """Take back: Dr P for the undisbursed part, Dr RB (or RB:h:held) for the disbursed one. `sign` -1 undoes it."""
    entries: list[Entry] = []
    for leg in legs:
        owed = held_by(leg.beneficiary) if leg.held else give_back(leg.beneficiary, leg.code)
        entries += [
            slice_entry(payable(leg.beneficiary, leg.code), sign * leg.undisbursed_vnd, receipt, leg, order_id),
            slice_entry(owed, sign * leg.disbursed_vnd, receipt, leg, order_id),
        ]
    return entries


def _live_vnd(receipt: Receipt, order_id: str, line_no: int, share: Share) -> int:
    return sum(piece.live_vnd for piece in receipt.slices if _is(piece, order_id, line_no, share))


def _is(piece: Slice, order_id: str, line_no: int, owner: Share | Leg) -> bool:
    return (piece.order_id, piece.line_no, piece.beneficiary, piece.code) == (
        order_id,
        line_no,
        owner.beneficiary,
        owner.code,
    )
