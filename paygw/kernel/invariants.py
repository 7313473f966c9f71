"""The invariants of the money rules, recomputed from the records: what the ledger must say, and what records may be.

Pure and slow on purpose: it reads every receipt and every posting and trusts neither. `paygw ledger check`, the tests
and the drills all ask the same question here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from paygw.kernel.orders import Line, Obligation, OrderStatus, Situation
from paygw.kernel.posting import (
    CH,
    RP,
    U_FREE,
    U_REFUND_DUE,
    Posting,
    claim,
    give_back,
    h_bank,
    h_provider,
    held_by,
    payable,
)
from paygw.kernel.receipts import LEFT, UNSENT, Leg, Mode, Purse, Receipt, Refund, RefundStatus
from paygw.kernel.refunds import refund_account

_BODY_PAID_ONLY = frozenset({RefundStatus.FAILED, RefundStatus.RETURNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All there is: every order with its money, receipts without an order, every posting ever made.

    `memo` says what records outside the receipts make of each account (debit above zero): settlement lines of refunds,
    reversals and disputes, fundings, disbursements, movements of bank accounts. `recorded_elsewhere` derives it from
    the postings where those records are not at hand.
    """

    mode: Mode
    situations: tuple[Situation, ...]
    postings: tuple[Posting, ...]
    memo: Mapping[str, int]
    loose: Purse = field(default_factory=Purse)

    @property
    def receipts(self) -> Iterator[Receipt]:
        """Every receipt once."""
        for situation in self.situations:
            yield from situation.purse.receipts
        yield from self.loose.receipts


def violations(books: Books) -> list[str]:
    """Every broken invariant as one sentence that begins with its number; empty when the books are right."""
    return [found for check in _CHECKS for found in check(books)]


def recorded_elsewhere(postings: Iterable[Posting], receipts: Iterable[Receipt]) -> dict[str, int]:
    """What postings that no receipt records (outgoing settlement lines, fundings, accounts) make of each account."""
    known = {receipt.id: receipt for receipt in receipts}
    holders = {receipt.id: receipt.holder for receipt in known.values()}
    memo: Counter[str] = Counter()
    for receipt in known.values():
        if receipt.home == "provider" and receipt.settled:  # its own settlement line is recorded on it
            memo[h_provider(receipt.bank, receipt.merchant)] += receipt.amount_vnd
            memo[held_by(receipt.holder) if receipt.holder else h_bank(receipt.account)] -= receipt.amount_vnd
    for posting in postings:
        kind = posting.key.split(":", 1)[0]
        if kind not in _ON_ACCOUNTS:
            continue
        for entry in posting.entries:
            holder = holders.get(entry.receipt_id or "")
            if not _on_receipts(entry.account):
                memo[entry.account] += entry.amount_vnd
            elif kind == "fund" and entry.account.startswith("P:") and holder:
                memo[held_by(holder)] += entry.amount_vnd  # netted: it counts as passed on, and stays with its holder
    return dict(memo)


_ON_ACCOUNTS = frozenset(
    {
        "stl",
        "fund",
        "fee",
        "fee-top",
        "bank",
        "bank-ret",
        "bank-known",
        "pf",
        "claim",
        "claim-open",
        "dsb",
        "dsb-ok",
        "dsb-ret",
        "dsb-back",
        "dsb-again",
    }
)


def _on_receipts(account: str) -> bool:
    """Whether the balance of an account is recorded on receipts, slices, refunds and their legs."""
    owed = account.startswith("RB:") and not account.endswith(":held")
    return owed or account.startswith(("P:", "U:")) or account in {RP, CH}


def _m1_balanced(books: Books) -> Iterator[str]:
    keys = Counter(posting.key for posting in books.postings)
    yield from (f"M-1: {key} is booked {times} times" for key, times in keys.items() if times > 1)
    for posting in books.postings:
        if sum(entry.amount_vnd for entry in posting.entries):
            yield f"M-1: {posting.key} is off balance"
        if any(type(entry.amount_vnd) is not int for entry in posting.entries):
            yield f"M-1: {posting.key} holds an amount that is no whole number"


def _m2_no_overdraft(books: Books) -> Iterator[str]:
    for account, balance_vnd in _ledger(books.postings).items():
        if account.startswith("H:bank:") and balance_vnd < 0:
            yield f"M-2: {account} is at {balance_vnd}"


def _m3_unapplied(books: Books) -> Iterator[str]:
    booked: Counter[tuple[str, str | None]] = Counter()
    for posting in books.postings:
        for entry in posting.entries:
            if entry.account in {U_FREE, U_REFUND_DUE}:
                booked[entry.account, entry.receipt_id] -= entry.amount_vnd
    for receipt in books.receipts:
        stands = (booked.pop((U_FREE, receipt.id), 0), booked.pop((U_REFUND_DUE, receipt.id), 0))
        if stands != (receipt.free_vnd, receipt.refund_due_vnd) or min(stands) < 0:
            yield f"M-3: {receipt.id} has {receipt.free_vnd}+{receipt.refund_due_vnd} unapplied, the ledger {stands}"
    yield from (f"M-3: {account} of unknown receipt {name}" for (account, name), vnd in booked.items() if vnd)


def _m4_conservation(books: Books) -> Iterator[str]:
    for receipt in books.receipts:
        came_vnd = receipt.amount_vnd - receipt.taken_back_vnd + receipt.claim_vnd
        went_vnd = receipt.unapplied_vnd + receipt.live_vnd + sum(_counted_vnd(refund) for refund in receipt.refunds)
        if came_vnd != went_vnd:
            yield f"M-4: {receipt.id} came to {came_vnd} and went to {went_vnd}"


def _m5_claims(books: Books) -> Iterator[str]:
    for receipt in books.receipts:
        left_vnd = sum(_counted_vnd(refund) for refund in receipt.refunds if refund.status not in UNSENT)
        if not 0 <= receipt.claim_vnd <= left_vnd:
            yield f"M-5: {receipt.id} claims {receipt.claim_vnd} of {left_vnd} refunded"


def _m6_slices(books: Books) -> Iterator[str]:
    for receipt in books.receipts:
        for piece in receipt.slices:
            if not 0 <= piece.disbursed_vnd <= piece.live_vnd:
                yield f"M-6: {receipt.id} {piece.beneficiary} has {piece.disbursed_vnd} of {piece.live_vnd} disbursed"
        for leg in _legs(receipt):
            if not 0 <= leg.funded_vnd <= leg.disbursed_vnd:
                yield f"M-6: {receipt.id} {leg.beneficiary} met {leg.funded_vnd} of {leg.disbursed_vnd}"


def _m7_to_m10_accounts(books: Books) -> Iterator[str]:
    """M-7 to M-10 and the rest: each account is what the records make of it."""
    expected: Counter[str] = Counter(dict(books.memo))
    for receipt in books.receipts:
        expected.update(_of_receipt(receipt, books.mode))
    stands = _ledger(books.postings)
    for account in sorted(expected.keys() | stands.keys()):
        if expected[account] != stands[account]:
            yield f"M-7..10: {account} stands at {stands[account]}, the records make it {expected[account]}"


def _m11_allocations(books: Books) -> Iterator[str]:
    for obligation_id, places in _obligations(books).items():
        live = [sum(_live_of(obligation, situation)) for situation, obligation in places]
        if sum(vnd > 0 for vnd in live) > 1:
            yield f"M-11: {obligation_id} is paid by more than one order"
        if sum(live) > places[0][1].amount_vnd:
            yield f"M-11: {obligation_id} is paid {sum(live)} of {places[0][1].amount_vnd}"
        payers = {situation.order.id for situation, _ in places if situation.order and _pays(situation, obligation_id)}
        owners = {obligation.order_id for _, obligation in places}
        if len(owners) > 1 or (payers and not owners & payers):
            yield f"M-11: {obligation_id} is paid by {sorted(payers)} but stands under {owners}"


def _m12_paid(books: Books) -> Iterator[str]:
    for situation in books.situations:
        order = situation.order
        live = any(piece.line_no and piece.live_vnd for r in situation.purse.receipts for piece in r.slices)
        if order is not None and live and order.status is not OrderStatus.PAID:
            yield f"M-12: {order.id} is {order.status} with allocated money"


def _m16_sent(books: Books) -> Iterator[str]:
    for receipt in books.receipts:
        for refund in receipt.refunds:
            if refund.status in LEFT and not refund.funded:
                yield f"M-16: {refund.id} is {refund.status} and not funded"
            if refund.status in LEFT and refund.route == "transfer" and not receipt.settled:
                yield f"M-16: {refund.id} goes by transfer before its receipt is settled"


def _m20_fair_shares(books: Books) -> Iterator[str]:
    """On a line with one receipt shares stay near split(live): each withdrawn refund lets them drift by 1 đồng."""
    for situation in books.situations:
        receipts = situation.purse.receipts
        for line in (line for owed in situation.obligations for line in owed.lines):
            payers = [r for r in receipts if any(piece.line_no == line.no for piece in r.slices)]
            if len(payers) == 1 and not _is_fair(payers[0], line):
                yield f"M-20: line {line.no} of {receipts[0].order_id} is split unfairly"


def _is_fair(receipt: Receipt, line: Line) -> bool:
    live = {p.beneficiary: p.live_vnd for p in receipt.slices if p.line_no == line.no}
    withdrawn = sum(refund.status is RefundStatus.WITHDRAWN for refund in receipt.refunds)
    wanted = line.split_vnd(sum(live.values()))
    for share, want_vnd in zip(line.shares, wanted, strict=True):
        reach_vnd = (withdrawn + 1) * (1 if share.ppm is not None else len(line.shares) - 1)
        if abs(live.get(share.beneficiary, 0) - want_vnd) > reach_vnd:
            return False
    return True


def _of_receipt(receipt: Receipt, mode: Mode) -> Counter[str]:
    """What one receipt, and all that became of it, makes of the accounts (debit above zero)."""
    made = _cash_of(receipt, mode)
    made[U_FREE] -= receipt.free_vnd
    made[U_REFUND_DUE] -= receipt.refund_due_vnd
    made[CH] += receipt.dispute_vnd
    made[claim(receipt.bank)] += receipt.claim_vnd
    for refund in receipt.refunds:
        on_its_way = refund.status in UNSENT or refund.status is RefundStatus.SENDING
        made[RP] -= refund.sendable_vnd if on_its_way else 0
    for piece in receipt.slices:
        made[payable(piece.beneficiary, piece.code)] -= piece.undisbursed_vnd
    for leg in _legs(receipt):
        made[give_back(leg.beneficiary, leg.code)] += leg.need_vnd
    return made


def _cash_of(receipt: Receipt, mode: Mode) -> Counter[str]:
    """Where the cash of one receipt lies."""
    pot = h_provider(receipt.bank, receipt.merchant)
    place = held_by(receipt.holder) if mode == "routing" and receipt.holder else h_bank(receipt.account)
    made: Counter[str] = Counter()
    made[place if receipt.settled else pot] += receipt.amount_vnd
    made[pot if receipt.home == "provider" else place] -= receipt.taken_back_vnd
    made[pot] -= receipt.dispute_vnd
    for refund in receipt.refunds:
        if refund.status is RefundStatus.SUCCEEDED and refund.sendable_vnd:
            made[refund_account(receipt, refund, mode)] -= refund.sendable_vnd
    if mode == "routing" and receipt.holder:
        made[place] -= sum(piece.disbursed_vnd for piece in receipt.slices)
        made[place] -= sum(leg.disbursed_vnd for leg in _legs(receipt) if not leg.held)
    return made


def _counted_vnd(refund: Refund) -> int:
    """What a refund holds of its receipt: all of a living one; of an ended one what the bodies paid themselves."""
    if refund.status in UNSENT or refund.status in LEFT:
        return refund.amount_vnd
    return refund.body_paid_vnd if refund.status in _BODY_PAID_ONLY else 0


def _legs(receipt: Receipt) -> Iterator[Leg]:
    yield from receipt.recoveries
    for refund in receipt.refunds:
        yield from refund.legs


def _ledger(postings: Iterable[Posting]) -> Counter[str]:
    stands: Counter[str] = Counter()
    for posting in postings:
        for entry in posting.entries:
            stands[entry.account] += entry.amount_vnd
    return stands


def _obligations(books: Books) -> dict[str, list[tuple[Situation, Obligation]]]:
    places: dict[str, list[tuple[Situation, Obligation]]] = {}
    for situation in books.situations:
        for obligation in situation.obligations:
            places.setdefault(obligation.id, []).append((situation, obligation))
    return places


def _live_of(obligation: Obligation, situation: Situation) -> Iterator[int]:
    numbers = {line.no for line in obligation.lines}
    for receipt in situation.purse.receipts:
        yield from (piece.live_vnd for piece in receipt.slices if piece.line_no in numbers)


def _pays(situation: Situation, obligation_id: str) -> bool:
    return any(sum(_live_of(owed, situation)) for owed in situation.obligations if owed.id == obligation_id)


_CHECKS: tuple[Callable[[Books], Iterator[str]], ...] = (
    _m1_balanced,
    _m2_no_overdraft,
    _m3_unapplied,
    _m4_conservation,
    _m5_claims,
    _m6_slices,
    _m7_to_m10_accounts,
    _m11_allocations,
    _m12_paid,
    _m16_sent,
    _m20_fair_shares,
)
