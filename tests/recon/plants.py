"""What is planted in a corpus: every kind of break two files can hold, and what must not be taken for one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from reconciliation.model import Booked, BreakKind, Kind, Line, Status
from tests.recon.corpus import DAYS, VIETNAM, Corpus, Pair, line_of, other_txn, plant, refund_of


def missing_in_book(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.MISSING_IN_BOOK, pair.ours.ref)
    pair.book.clear()


def missing_at_bank(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.MISSING_AT_BANK, pair.ours.ref)
    pair.lines.clear()


def amount_differs(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.AMOUNT_DIFFERS, pair.ours.ref)
    pair.lines[0] = replace(pair.theirs, amount_vnd=pair.theirs.amount_vnd + corpus.rng.choice((-1, 1, 500, -10_000)))


def status_differs(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.STATUS_DIFFERS, pair.ours.ref)
    status = corpus.rng.choice((Status.FAILED, Status.PENDING, Status.REVERSED))
    if corpus.rng.random() < 0.5 and status is not Status.REVERSED:
        pair.book[0] = replace(pair.ours, status=status)
    else:
        pair.lines[0] = replace(pair.theirs, status=status)


def duplicate_at_bank(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.DUPLICATE_AT_BANK, pair.ours.ref)
    pair.lines.append(replace(pair.theirs, occurred_at=pair.theirs.occurred_at + timedelta(seconds=2)))


def duplicate_in_book(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.DUPLICATE_IN_BOOK, pair.ours.ref)
    pair.book.append(pair.ours)


def paid_twice(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.PAID_TWICE, pair.ours.ref)
    later = pair.theirs.occurred_at + timedelta(minutes=5)
    second = replace(pair.theirs, bank_txn_id=other_txn(corpus, pair.ours.bank_txn_id), occurred_at=later)
    pair.lines.append(second)
    if corpus.rng.random() < 0.5:
        pair.book.append(replace(pair.ours, bank_txn_id=second.bank_txn_id, occurred_at=later))


def reference_differs(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.REFERENCE_DIFFERS, pair.ours.ref)
    pair.lines[0] = replace(pair.theirs, ref=f"{pair.ours.ref}9")


def refund_missing_at_bank(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.REFUND_MISSING_AT_BANK, pair.ours.ref)
    pair.book.append(refund_of(corpus, pair))


def refund_missing_in_book(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.REFUND_MISSING_IN_BOOK, pair.ours.ref)
    pair.lines.append(line_of(refund_of(corpus, pair)))


def refund_amount_differs(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.REFUND_AMOUNT_DIFFERS, pair.ours.ref)
    refund = refund_of(corpus, pair)
    pair.book.append(refund)
    pair.lines.append(replace(line_of(refund), amount_vnd=refund.amount_vnd - 1))


def refund_without_original(corpus: Corpus, pair: Pair) -> None:
    ref = f"CU-{corpus.next_number():07d}"
    plant(corpus, BreakKind.REFUND_WITHOUT_ORIGINAL, ref)
    refund = replace(refund_of(corpus, pair), ref=ref)
    pair.lines.append(line_of(refund))
    if corpus.rng.random() < 0.5:
        pair.book.append(refund)


def reversal_unknown(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.REVERSAL_UNKNOWN, pair.ours.ref)
    later = pair.theirs.occurred_at + timedelta(hours=2)
    pair.lines.append(replace(pair.theirs, kind=Kind.REVERSAL, occurred_at=later, fee_vnd=0))


def fee_differs(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.FEE_DIFFERS, pair.ours.ref)
    pair.lines[0] = replace(pair.theirs, fee_vnd=(pair.theirs.fee_vnd or 0) + 250)


def net_total_differs(corpus: Corpus, pair: Pair) -> None:
    members, credit = _batch(corpus, pair)
    plant(corpus, BreakKind.NET_TOTAL_DIFFERS, credit.bank_txn_id)
    pair.book[:], pair.lines[:] = members, [replace(credit, amount_vnd=credit.amount_vnd - 1)]


def out_of_period(corpus: Corpus, pair: Pair) -> None:
    plant(corpus, BreakKind.OUT_OF_PERIOD, pair.ours.ref)
    days = corpus.rng.choice((-40, 45, 90))
    pair.lines[0] = replace(pair.theirs, settled_on=DAYS[-1] + timedelta(days=days) if days > 0 else date(2025, 11, 3))


def unknown_account(corpus: Corpus, pair: Pair) -> None:
    extra = _stray(corpus, pair, f"XX-{corpus.next_number():07d}")
    plant(corpus, BreakKind.UNKNOWN_ACCOUNT, extra.ref)
    pair.lines.append(replace(extra, account="9990009990"))


def unidentified_credit(corpus: Corpus, pair: Pair) -> None:
    extra = _stray(corpus, pair, "")
    plant(corpus, BreakKind.UNIDENTIFIED_CREDIT, extra.bank_txn_id)
    pair.lines.append(extra)


def unidentified_debit(corpus: Corpus, pair: Pair) -> None:
    extra = replace(_stray(corpus, pair, ""), kind=Kind.REFUND, fee_vnd=0)
    plant(corpus, BreakKind.UNIDENTIFIED_DEBIT, extra.bank_txn_id)
    pair.lines.append(extra)


def _stray(corpus: Corpus, pair: Pair, ref: str) -> Line:
    return line_of(replace(pair.ours, ref=ref, bank_txn_id=other_txn(corpus, pair.ours.bank_txn_id)))


def not_attempted_to_the_end(corpus: Corpus, pair: Pair) -> None:
    """Failed or pending: on one side alone, or the same on both."""
    status = corpus.rng.choice((Status.FAILED, Status.PENDING))
    pair.book[0], pair.lines[0] = replace(pair.ours, status=status), replace(pair.theirs, status=status)
    alone = corpus.rng.choice((pair.book, pair.lines, []))
    alone.clear()


def over_midnight(corpus: Corpus, pair: Pair) -> None:
    """Booked at 23:59:58, at the bank on the next day."""
    at = pair.ours.occurred_at.astimezone(VIETNAM).replace(hour=23, minute=59, second=58)
    pair.book[0] = replace(pair.ours, occurred_at=at)
    pair.lines[0] = line_of(pair.ours, at + timedelta(seconds=5))


def refunded_in_parts(corpus: Corpus, pair: Pair) -> None:
    """Two refunds of one payment, one under the payment's own transaction."""
    first, second = refund_of(corpus, pair, 3_000), refund_of(corpus, pair, 4_000)
    first = replace(first, bank_txn_id=pair.ours.bank_txn_id)
    pair.book += [first, second]
    pair.lines += [line_of(second), line_of(first)]


def paid_in_parts(corpus: Corpus, pair: Pair) -> None:
    """One row of the book, two transfers."""
    half = pair.ours.amount_vnd // 2
    parts = [
        replace(pair.ours, amount_vnd=amount_vnd, bank_txn_id=other_txn(corpus, pair.ours.bank_txn_id))
        for amount_vnd in (half, pair.ours.amount_vnd - half)
    ]
    pair.lines[:] = [line_of(part) for part in parts]


def paid_in_batch(corpus: Corpus, pair: Pair) -> None:
    """Three rows and a netted refund, one credit, gross or net of its fee."""
    members, credit = _batch(corpus, pair)
    fee_vnd = (credit.fee_vnd or 0) if corpus.rng.random() < 0.5 else 0
    pair.book[:], pair.lines[:] = members, [replace(credit, amount_vnd=credit.amount_vnd - fee_vnd)]


def _batch(corpus: Corpus, pair: Pair) -> tuple[list[Booked], Line]:
    """Rows under one transaction id of the bank, of several references, and the credit that is their sum."""
    members = [replace(pair.ours, ref=f"{pair.ours.ref}{letter}") for letter in "ABC"]
    refund = replace(refund_of(corpus, pair, 7_000), bank_txn_id=pair.ours.bank_txn_id, ref=members[0].ref)
    total_vnd = sum(row.amount_vnd for row in members) - refund.amount_vnd
    credit = line_of(replace(pair.ours, ref=f"LO{corpus.next_number():07d}", amount_vnd=total_vnd))
    return [*members, refund], credit


def told_in_words(corpus: Corpus, pair: Pair) -> None:
    """The bank's text around our reference, torn and in small letters; no transaction id of ours."""
    words = pair.ours.ref.lower().replace("-", " ")
    txn = other_txn(corpus, pair.ours.bank_txn_id)
    pair.lines[0] = replace(pair.theirs, ref=f"MBVCB.{corpus.next_number()}.nộp lệ phí {words} CT", bank_txn_id=txn)


def without_reference(corpus: Corpus, pair: Pair) -> None:
    """The transaction alone says whose it is."""
    pair.lines[0] = replace(pair.theirs, ref="")


def without_transaction(corpus: Corpus, pair: Pair) -> None:
    """The reference alone says whose it is."""
    pair.lines[0] = replace(pair.theirs, bank_txn_id="")


def taken_back(corpus: Corpus, pair: Pair) -> None:
    """A reversal both know, each in its own way of saying it."""
    pair.book[0] = replace(pair.ours, status=Status.REVERSED)
    pair.lines.append(replace(pair.theirs, kind=Kind.REVERSAL, fee_vnd=0))


Change = Callable[[Corpus, Pair], None]

PLANTS: Final[tuple[Change, ...]] = (
    missing_in_book,
    missing_at_bank,
    amount_differs,
    status_differs,
    duplicate_at_bank,
    duplicate_in_book,
    paid_twice,
    reference_differs,
    refund_missing_at_bank,
    refund_missing_in_book,
    refund_amount_differs,
    refund_without_original,
    reversal_unknown,
    fee_differs,
    net_total_differs,
    out_of_period,
    unknown_account,
    unidentified_credit,
    unidentified_debit,
)
NOISE: Final[tuple[Change, ...]] = (
    not_attempted_to_the_end,
    over_midnight,
    refunded_in_parts,
    paid_in_parts,
    paid_in_batch,
    told_in_words,
    without_reference,
    without_transaction,
    taken_back,
)
