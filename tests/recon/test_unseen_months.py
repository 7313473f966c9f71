"""Strangers' corpora in styles of their own: every plant is found, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import pytest

from reconciliation.charges import Tariff
from reconciliation.model import Break, Kind, Line, Role, Status
from reconciliation.passes import CREDIT
from tests.recon.conftest import Run
from tests.recon.stories import as_booked
from tests.recon.strangers import Plant, Stranger, Style

_ANY = range(1_000, 50_000_000)


@pytest.mark.parametrize(
    "style",
    [
        Style(),
        Style(refs="figures", txns="figures", tariff=Tariff(fixed_vnd=1_000, rate_ppm=2_200)),
        Style(
            tariff=Tariff(rate_ppm=11_000, min_vnd=2_200, max_vnd=55_000),
            txns="banks",
            lag_days=-1,
            days=30,
            amounts=_ANY,
        ),
        Style(tariff=Tariff(rate_ppm=8_000, rounding="down"), refs="uuid", txns="uuid", lag_days=0, days=1),
        Style(tariff=Tariff(), txns="dash", days=2, first=date(2026, 12, 30)),
        Style(tariff=Tariff(rate_ppm=10_000, max_vnd=3_300), refs="lower", amounts=_ANY, days=31, lines=2_000),
        Style(tariff=Tariff(rate_ppm=3_000, min_vnd=1_650), refs="dossier", lag_days=-1, amounts=_ANY, days=5),
        Style(lines=60, each=1, days=2),
        Style(lines=200, each=2, days=10, tariff=Tariff(rate_ppm=5_500), amounts=_ANY),
    ],
    ids=lambda style: f"{style.refs} {style.txns} {style.days} days",
)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_plant_of_a_stranger_is_found_and_nothing_else(run: Run, style: Style, seed: int) -> None:
    corpus = Stranger(style, seed)

    missed, more = compare(corpus.planted, run(corpus.book, corpus.lines).breaks)

    assert (missed, more) == ([], [])


def test_a_third_file_without_fees_is_a_statement_beside_a_statement_without_fees(run: Run) -> None:
    corpus = Stranger(Style(tariff=Tariff(), each=0), seed=3)
    absent = next(one for one in corpus.lines if one.kind is Kind.PAYMENT and one.status is Status.SUCCEEDED)

    outcome = run(corpus.book, corpus.lines, [one for one in corpus.lines if one is not absent])

    assert outcome.role is Role.LINES
    assert [(one.break_kind, one.ref) for one in outcome.breaks] == [("missing_at_bank", absent.ref)]


def test_a_line_that_two_statements_have_and_nobody_claims_is_one_break(run: Run) -> None:
    corpus = Stranger(Style(each=0), seed=4)
    nobody = replace(corpus.lines[0], ref="", bank_txn_id="FT77", kind=Kind.PAYMENT, status=Status.SUCCEEDED)

    outcome = run(corpus.book, [*corpus.lines, nobody], [*corpus.lines, nobody])

    assert [(one.break_kind, one.bank_txn_id) for one in outcome.breaks] == [("unidentified_credit", "FT77")]


def test_a_day_of_more_refunds_than_payments_is_netted_with_the_next_credit(run: Run) -> None:
    book, lines, paid = (
        [_line(*one) for one in table]
        for table in (
            [
                ("R1", "T1", "2026-06-10", 100_000),
                ("R2", "T2", "2026-06-11", 5_000),
                ("R3", "T4", "2026-06-12", 99_000),
            ],
            [("R1", "T3", "2026-06-11", -100_000)],
            [("QT1", "Q1", "2026-06-10", 100_000), ("QT2", "Q2", "2026-06-12", 4_000)],
        )
    )

    outcome = run(as_booked([*book, *lines]), [*book, *lines], paid, third_role=Role.CREDITS)

    assert outcome.breaks == ()
    assert sum(match.how is CREDIT for match in outcome.matches) == len(paid)


def _line(ref: str, txn: str, day: str, amount_vnd: int) -> Line:
    return Line(
        ref=ref,
        bank_txn_id=txn,
        kind=Kind.PAYMENT if amount_vnd > 0 else Kind.REFUND,
        amount_vnd=abs(amount_vnd),
        fee_vnd=0,
        status=Status.SUCCEEDED,
        occurred_at=datetime.fromisoformat(f"{day}T10:00:00+07:00"),
        settled_on=date.fromisoformat(day),
    )


def compare(planted: Sequence[Plant], breaks: Sequence[Break]) -> tuple[list[Plant], list[Break]]:
    """Plants that no break is, and breaks that are no plant."""
    open_breaks, missed = list(breaks), list[Plant]()
    for plant in planted:
        found = next((one for one in open_breaks if plant.fits(one)), None)
        if found is None:
            missed.append(plant)
        else:
            open_breaks.remove(found)
    return missed, open_breaks
