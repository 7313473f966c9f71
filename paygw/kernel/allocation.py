"""Allocation (row 3a): free money of an order's receipts becomes slices of its beneficiaries."""

from dataclasses import dataclass, replace

from paygw.kernel.orders import Line, Obligation
from paygw.kernel.posting import U_FREE, Entry, Posting, held_by, payable, post
from paygw.kernel.receipts import Mode, Purse, Receipt, Slice, slice_entry


@dataclass(frozen=True, slots=True)
class Allocated:
    """The purse after allocation, and what it booked."""

    purse: Purse
    postings: tuple[Posting, ...]


def allocate(purse: Purse, order_id: str, obligations: tuple[Obligation, ...], mode: Mode) -> Allocated | None:
    """Pay all these obligations from the free money of the purse, or none of them (None).

    Receipts are used oldest first; a line paid by several receipts is filled share by share, so that its column sums
    are split(line) exactly whatever the receipts are.
    """
    lines = [line for obligation in obligations for line in obligation.lines]
    due_vnd = sum(line.amount_vnd for line in lines)
    if not lines or sum(receipt.allocatable_vnd for receipt in purse.waiting_on(order_id)) < due_vnd:
        return None
    postings: list[Posting] = []
    cells = _fill(purse, order_id, lines)
    for receipt in purse.receipts:
        mine = cells.get(receipt.id)
        if mine:
            changed, posting = _book(receipt, order_id, mine)
            changed, passed_on = pass_to_holder(changed, mode, cause=f"alloc:{order_id}")
            purse = purse.put(changed)
            postings += [posting, *passed_on]
    return Allocated(purse, tuple(postings))


def _fill(purse: Purse, order_id: str, lines: list[Line]) -> dict[str, list[Slice]]:
    """Spread the shares of all lines over the receipts, oldest money first."""
    sources = purse.waiting_on(order_id)
    free_vnd = [receipt.allocatable_vnd for receipt in sources]
    cells: dict[str, list[Slice]] = {}
    at = 0
    for line in lines:
        for share, share_vnd in zip(line.shares, line.split_vnd(line.amount_vnd), strict=True):
            rest_vnd = share_vnd
            while rest_vnd:
                part_vnd = min(rest_vnd, free_vnd[at])
                cells.setdefault(sources[at].id, []).append(
                    Slice(order_id, line.no, share.beneficiary, share.code, live_vnd=part_vnd)
                )
                rest_vnd -= part_vnd
                free_vnd[at] -= part_vnd
                at += free_vnd[at] == 0
    return cells


def _book(receipt: Receipt, order_id: str, pieces: list[Slice]) -> tuple[Receipt, Posting]:
    """Dr U:free / Cr P per slice for one receipt."""
    used_vnd = sum(piece.live_vnd for piece in pieces)
    posting = post(
        f"alloc:{receipt.id}:{order_id}",
        "3a",
        [
            Entry(U_FREE, used_vnd, receipt_id=receipt.id, order_id=order_id),
            *(slice_entry(payable(p.beneficiary, p.code), -p.live_vnd, receipt, p, order_id) for p in pieces),
        ],
        bank=receipt.bank,
        merchant=receipt.merchant,
    )
    return replace(receipt, free_vnd=receipt.free_vnd - used_vnd, slices=(*receipt.slices, *pieces)), posting


def pass_to_holder(receipt: Receipt, mode: Mode, *, cause: str) -> tuple[Receipt, list[Posting]]:
    """Row 17, second half: in routing the holder's own undisbursed slices have reached it (it has what was settled).

    `cause` names what brought the two together (settlement, allocation, a withdrawn refund): each does so once.
    """
    holder = receipt.holder
    if mode != "routing" or holder is None:
        return receipt, []
    own = [piece for piece in receipt.slices if piece.beneficiary == holder and piece.undisbursed_vnd]
    postings = [
        post(
            f"own:{receipt.id}:{cause}:{piece.line_no}:{piece.code}",
            "17",
            [
                slice_entry(payable(holder, piece.code), piece.undisbursed_vnd, receipt, piece, piece.order_id),
                slice_entry(held_by(holder), -piece.undisbursed_vnd, receipt, piece, piece.order_id),
            ],
            bank=receipt.bank,
            merchant=receipt.merchant,
        )
        for piece in own
    ]
    slices = tuple(replace(piece, disbursed_vnd=piece.live_vnd) if piece in own else piece for piece in receipt.slices)
    return replace(receipt, slices=slices), postings
