"""Small third files, written from the contract alone: what each says, and what it is taken for."""

from collections import Counter

import pytest

from tests.recon.conftest import Run
from tests.recon.stories import as_booked, background, read_lines, written

PAID = "R1 BT901 100000"
AGAIN = f"{PAID}; R1 BT902 100000 10/11:00"


@pytest.mark.parametrize(
    ("book", "statement", "portal", "breaks"),
    [
        (PAID, PAID, PAID, ()),
        (PAID, PAID, "", ("not_applied_at_portal R1 BT901 100000 -",)),
        (PAID, PAID, f"{PAID} failed", ("not_applied_at_portal R1 BT901 100000 -",)),
        (PAID, PAID, f"{PAID} pending", ("not_applied_at_portal R1 BT901 100000 -",)),
        (PAID, PAID, "R1 BT901 90000", ("amount_differs R1 BT901 100000 90000",)),
        (PAID, PAID, f"{PAID}; {PAID}", ()),
        (PAID, PAID, "r1 BT901 100000", ()),
        (PAID, PAID, f"{PAID}; R2 - 5000", ("missing_in_book R2 - - 5000",)),
        (f"{PAID} failed", f"{PAID} failed", "", ()),
        (f"{PAID} reversed", f"{PAID} reversed", "", ()),
        (f"{PAID} failed", f"{PAID} failed", PAID, ("status_differs R1 BT901 100000 100000",)),
        (PAID, "", "", ("missing_at_bank R1 BT901 100000 -", "not_applied_at_portal R1 BT901 100000 -")),
        ("", PAID, "", ("missing_in_book R1 BT901 - 100000",)),
        ("", PAID, PAID, ("missing_in_book R1 BT901 - 100000",)),
        (AGAIN, AGAIN, "", ("paid_twice R1 BT902 100000 100000", "not_applied_at_portal R1 BT901 100000 -")),
    ],
)
def test_what_a_portal_applied(run: Run, book: str, statement: str, portal: str, breaks: tuple[str, ...]) -> None:
    clean = background()
    applied = [*clean, *read_lines(portal)]

    outcome = run(
        [*as_booked(clean), *as_booked(read_lines(book))],
        [*clean, *read_lines(statement)],
        read_lines(
            "; ".join(
                f"{one.ref} {one.bank_txn_id or '-'} {one.amount_vnd} {one.status} fee=- settled=-" for one in applied
            )
        ),
    )

    assert (outcome.role, written(outcome.breaks)) == ("portal", Counter(breaks))


@pytest.mark.parametrize(
    ("credits_", "breaks"),
    [
        ("QT1 Q1 98900", ()),
        ("QT1 Q1 100000", ()),
        ("QT1 Q1 98900 12/08:00", ()),
        ("QT1 Q1 98901", ("net_total_differs QT1 Q1 98900 98901",)),
        ("QT1 Q1 98900; - Q2 777", ("unidentified_credit - Q2 - 777",)),
        ("QT1 Q1 98900; - Q3 5 refund", ("unidentified_debit - Q3 - 5",)),
        ("QT1 Q1 50000; QT2 Q2 48900", ()),
    ],
)
def test_what_a_bank_paid_out(run: Run, credits_: str, breaks: tuple[str, ...]) -> None:
    outcome = run(as_booked(read_lines(PAID)), read_lines(PAID), read_lines(credits_))

    assert (outcome.role, written(outcome.breaks)) == ("credits", Counter(breaks))


def test_a_third_file_without_rows_is_compared_with_nothing(run: Run) -> None:
    outcome = run(as_booked(read_lines(PAID)), read_lines(PAID), [])

    assert (outcome.role, outcome.breaks) == (None, ())
    assert outcome.notes == ("third.csv: no rows, so nothing tells what it is; say it with --third-is",)
