"""The night's day goes through the same passes as a month: what confirms, what is only suggested, what proves."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta

from reconciliation.charges import Tariff
from reconciliation.day_desk import DayMatch, Renamed, match_day
from reconciliation.folding import is_memo
from reconciliation.model import Booked, BreakKind, Kind, Line, Status
from tests.recon.corpus import VIETNAM
from tests.recon.month import build

_NOON = datetime(2026, 3, 2, 12, tzinfo=VIETNAM)
_ROW = Booked(
    ref="DVC-20001",
    bank_txn_id="VCB1",
    kind=Kind.PAYMENT,
    amount_vnd=15_000,
    status=Status.SUCCEEDED,
    occurred_at=_NOON,
)
_LINE = Line(
    ref="DVC-20001", bank_txn_id="VCB1", kind=Kind.PAYMENT, amount_vnd=15_000, fee_vnd=1_100, status=Status.SUCCEEDED,
    occurred_at=_NOON, settled_on=_NOON.date(),
)  # fmt: skip
# What whole files are judged for and a day is not: what the bank does not tell (yet), days, accounts, fees, originals.
_NOT_OF_A_DAY = {
    BreakKind.MISSING_AT_BANK,
    BreakKind.REFUND_MISSING_AT_BANK,
    BreakKind.REFUND_WITHOUT_ORIGINAL,
    BreakKind.OUT_OF_PERIOD,
    BreakKind.UNKNOWN_ACCOUNT,
    BreakKind.FEE_DIFFERS,
}
_BY_TXN = {BreakKind.NET_TOTAL_DIFFERS, BreakKind.UNIDENTIFIED_CREDIT, BreakKind.UNIDENTIFIED_DEBIT}


def kinds(found: DayMatch) -> list[BreakKind]:
    return [one.break_kind for one in found.breaks]


def test_what_the_book_has_and_no_line_tells_waits() -> None:
    found = match_day([_ROW], [])

    assert (found.lines, found.matched, found.breaks) == (0, 0, ())


def test_a_lost_webhook_is_proven_by_its_line() -> None:
    pending = replace(_ROW, bank_txn_id="", status=Status.PENDING)

    found = match_day([pending], [_LINE])

    assert (kinds(found), found.proven) == ([BreakKind.STATUS_DIFFERS], (0,))


def test_an_alias_of_our_transaction_is_the_same_money() -> None:
    found = match_day([replace(_ROW, aliases=("FT77",))], [replace(_LINE, bank_txn_id="FT77")])

    assert (found.matched, found.breaks, found.renamed[0].rows[0].bank_txn_id) == (1, (), "VCB1")


def test_parts_that_add_up_are_the_row_unless_another_day_told_it() -> None:
    parts = [
        replace(_LINE, bank_txn_id=f"VCB1{n}", amount_vnd=amount_vnd) for n, amount_vnd in ((1, 9_000), (2, 6_000))
    ]

    found = match_day([_ROW], parts)
    told = match_day([replace(_ROW, told=True, occurred_at=_NOON - timedelta(days=1))], parts)

    assert (found.matched, found.breaks, found.renamed) == (2, (), (Renamed(lines=(0, 1), rows=(_ROW,)),))
    assert (told.matched, kinds(told), told.proven) == (0, [BreakKind.PAID_TWICE] * 2, (0, 1))


def test_another_transaction_of_a_paid_reference_is_paid_twice_and_proven() -> None:
    yesterday = replace(_ROW, occurred_at=_NOON - timedelta(days=1))
    again = replace(_LINE, bank_txn_id="VCB2")

    first = match_day([yesterday], [again])
    booked = match_day([yesterday, replace(_ROW, bank_txn_id="VCB2")], [again])

    assert (first.matched, kinds(first), first.proven) == (0, [BreakKind.PAID_TWICE], (0,))
    assert (booked.matched, booked.breaks) == (1, first.breaks)


def test_the_first_of_two_payments_is_no_break_on_its_own_day() -> None:
    tomorrow = replace(_ROW, bank_txn_id="VCB2", occurred_at=_NOON + timedelta(days=1))

    found = match_day([_ROW, tomorrow], [_LINE])

    assert (found.matched, found.breaks) == (1, ())


def test_paid_again_after_it_was_taken_back_is_not_twice() -> None:
    yesterday = replace(_ROW, occurred_at=_NOON - timedelta(days=1))
    reversal = replace(yesterday, kind=Kind.REVERSAL)
    again = replace(_LINE, bank_txn_id="VCB2")

    found = match_day([yesterday, reversal, replace(_ROW, bank_txn_id="VCB2")], [again])

    assert (found.matched, found.breaks) == (1, ())


def test_of_a_reference_paid_twice_each_payment_is_taken_back_by_its_own_reversal() -> None:
    twice = [_ROW, replace(_ROW, bank_txn_id="VCB2")]
    known = replace(_ROW, kind=Kind.REVERSAL)
    told = [replace(_LINE, bank_txn_id=txn) for txn in ("VCB1", "VCB2")]
    reversals = [replace(line, kind=Kind.REVERSAL) for line in told]
    second = replace(told[1], status=Status.REVERSED)

    as_lines = match_day([*twice, known], [*told, *reversals])
    as_status = match_day([*twice, known], [replace(told[0], status=Status.REVERSED), second])
    of_another_day = match_day([*twice, known], [replace(second, ref="DVC-20002")])

    assert (kinds(as_lines), as_lines.proven) == ([BreakKind.PAID_TWICE, BreakKind.REVERSAL_UNKNOWN], (1, 3))
    assert (kinds(as_status), as_status.proven) == ([BreakKind.STATUS_DIFFERS], (1,))
    assert (kinds(of_another_day), of_another_day.proven) == ([BreakKind.STATUS_DIFFERS], (0,))


def test_a_reversal_that_was_told_speaks_for_no_other() -> None:
    own_ids = [replace(_LINE, kind=Kind.REVERSAL, bank_txn_id=txn) for txn in ("R1", "R2")]

    found = match_day([_ROW, replace(_ROW, kind=Kind.REVERSAL, bank_txn_id="R1")], [_LINE, *own_ids])

    assert (kinds(found), found.proven) == ([BreakKind.REVERSAL_UNKNOWN], (2,))


def test_what_takes_a_row_back_comes_to_the_desk_with_it() -> None:
    taken_back = replace(_ROW, kind=Kind.REVERSAL, bank_txn_id="R1")
    elsewhere = replace(_LINE, ref="DVC-20002", status=Status.REVERSED)

    found = match_day([_ROW, taken_back], [elsewhere])

    assert kinds(found) == [BreakKind.REFERENCE_DIFFERS]


def test_a_suggestion_is_told_in_its_break_and_confirms_nothing() -> None:
    near = replace(_ROW, bank_txn_id="", occurred_at=_NOON - timedelta(hours=5))
    nameless = replace(_LINE, ref="", bank_txn_id="VCB9")

    found = match_day([near], [nameless])

    assert (found.matched, kinds(found)) == (0, [BreakKind.UNIDENTIFIED_CREDIT])
    assert "Suggested: DVC-20001 (amount_and_window, 60%)." in found.breaks[0].detail


def test_equal_amounts_of_two_transactions_are_not_even_suggested() -> None:
    found = match_day([_ROW], [replace(_LINE, ref="", bank_txn_id="VCB9")])

    assert "Suggested" not in found.breaks[0].detail


def test_a_transfers_text_names_the_reference() -> None:
    pending = replace(_ROW, bank_txn_id="", status=Status.PENDING)
    transfer = replace(_LINE, ref="", bank_txn_id="VCB9", memo="MBVCB.3278.DVC 20001 nop le phi")

    found = match_day([pending], [transfer])

    assert (kinds(found), found.proven) == ([BreakKind.STATUS_DIFFERS], (0,))


def test_a_fee_that_is_not_the_tariffs_is_a_break_of_its_line() -> None:
    pair = replace(_ROW, ref="DVC-20002", bank_txn_id="VCB2"), replace(_LINE, ref="DVC-20002", bank_txn_id="VCB2")
    wrong, unsaid = replace(pair[1], fee_vnd=1_101), replace(pair[1], fee_vnd=None)
    tariff = (Tariff(fixed_vnd=1_100),)

    found = match_day([_ROW, pair[0]], [_LINE, wrong], tariff)

    assert [(one.break_kind, one.ref, one.book_amount_vnd, one.statement_amount_vnd) for one in found.breaks] == [
        (BreakKind.FEE_DIFFERS, "DVC-20002", 1_100, 1_101)
    ]
    assert (found.matched, found.proven) == (2, ())
    assert match_day([_ROW, pair[0]], [_LINE, wrong]).breaks == ()
    assert match_day([_ROW, pair[0]], [_LINE, unsaid], tariff).breaks == ()
    assert match_day([_ROW, pair[0]], [_LINE, wrong], (Tariff(prefix="BIDV"),)).breaks == ()


def test_a_day_names_what_two_whole_files_name() -> None:
    corpus = build(seed=11, per_day=400, each=3, days=[date(2026, 3, 3)])
    ours, txns = {row.account for row in corpus.book}, {row.bank_txn_id for row in corpus.book}
    lines = [line for line in corpus.lines if line.account in ours and not _other_money(line, txns)]
    orphans = {name for kind, name in corpus.planted if kind is BreakKind.REFUND_WITHOUT_ORIGINAL}
    wanted = Counter({one: n for one, n in corpus.planted.items() if one[0] not in _NOT_OF_A_DAY})

    found = match_day(corpus.book, [line for line in lines if line.ref not in orphans])

    named = Counter((one.break_kind, one.bank_txn_id if one.break_kind in _BY_TXN else one.ref) for one in found.breaks)
    assert named == wanted
    assert len(wanted) == 39


def _other_money(line: Line, txns: set[str]) -> bool:
    """A transfer whose text names a booked payment and whose transaction is another one: two payments to a hub."""
    return is_memo(line.ref) and line.bank_txn_id not in txns
