"""What our pretend bank writes is what we read."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from paygw.simulators.bank import VIETNAM, Bank
from paygw.simulators.config import SandboxBankConfig
from paygw.simulators.facts import Payment, Refund, Reversal
from paygw.simulators.files import settlement_csv, statement_csv
from reconciliation.model import Kind, Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.read import read_file
from reconciliation.statements.staged import Direction, LineKind
from reconciliation.statements.table import Given
from tests.reconciliation.statements.shipped import PROFILES

_DAY = date(2026, 3, 5)
_NOON = datetime(2026, 3, 5, 12, tzinfo=VIETNAM)


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """A bank with a day before, two payments with a memo that a spreadsheet would run, and money out."""
    config = SandboxBankConfig(name="sandbox-a", secret="s" * 32, fee_vnd=1_100)
    made = Bank(config, tmp_path, lambda: _NOON, "{}{}{}".format)

    def paid(number: int, at: datetime) -> Payment:
        return Payment(
            bank_txn_id=f"T{number}", attempt_ref=f"A-{number}", amount_vnd=100_000, occurred_at=at, merchant="PAYGW",
            account=config.account, memo='=1+1,"x"',
        )  # fmt: skip

    refund = Refund(
        refund_ref="R-1", attempt_ref="A-1", bank_txn_id="T1", refund_txn_id="RT1", amount_vnd=40_000,
        status="succeeded", code="", occurred_at=_NOON + timedelta(hours=3),
    )  # fmt: skip
    returned = Refund(
        refund_ref="R-1", attempt_ref="A-1", bank_txn_id="T1", refund_txn_id="RT1", amount_vnd=40_000,
        status="returned", code="", occurred_at=_NOON + timedelta(hours=4),
    )  # fmt: skip
    reversal = Reversal(
        reversal_id="V1", bank_txn_id="T2", attempt_ref="A-2", amount_vnd=100_000, merchant="PAYGW",
        occurred_at=_NOON + timedelta(hours=2), account=config.account,
    )  # fmt: skip
    for fact in (paid(0, _NOON - timedelta(days=1)), paid(1, _NOON), paid(2, _NOON), reversal, refund, returned):
        made._remember(fact)
    yield made
    made.shut()


def test_its_settlement_is_read_whole(bank: Bank) -> None:
    (statement,) = read_file(settlement_csv(bank, _DAY).encode(), PROFILES["sandbox-settlement"]).statements

    assert (statement.kind, statement.day, statement.made.lines) == ("settlement", _DAY, 5)
    assert [(one.kind, one.amount_vnd, one.fee_vnd) for one in statement.lines] == [
        (LineKind.PAYMENT, 100_000, 1_100),
        (LineKind.PAYMENT, 100_000, 1_100),
        (LineKind.REVERSAL, 100_000, 0),
        (LineKind.REFUND, 40_000, 0),
        (LineKind.RETURN, 40_000, 0),
    ]


def test_its_statement_is_read_from_balance_to_balance(bank: Bank) -> None:
    (statement,) = read_file(statement_csv(bank, _DAY).encode(), PROFILES["sandbox-statement"]).statements

    assert (statement.account, statement.opening_vnd, statement.closing_vnd) == ("1020304050", 100_000, 200_000)
    assert [one.kind for one in statement.lines][2:] == [LineKind.REVERSAL, LineKind.REFUND, LineKind.RETURN]
    assert statement.lines[0].memo == '=1+1,"x"'


def test_matching_gets_canonical_lines(bank: Bank) -> None:
    (statement,) = read_file(settlement_csv(bank, _DAY).encode(), PROFILES["sandbox-settlement"]).statements
    made = [one.to_line() for one in statement.lines]

    assert [(one.kind, one.status) for one in made if one is not None] == [
        (Kind.PAYMENT, Status.SUCCEEDED),
        (Kind.PAYMENT, Status.SUCCEEDED),
        (Kind.REVERSAL, Status.SUCCEEDED),
        (Kind.REFUND, Status.SUCCEEDED),
        (Kind.REFUND, Status.REVERSED),
    ]


def test_an_empty_day_is_known_by_who_asked_for_it(bank: Bank) -> None:
    (statement,) = read_file(statement_csv(bank, date(2020, 1, 1)).encode(), PROFILES["sandbox-statement"],
                             _given(date(2020, 1, 1))).statements  # fmt: skip

    assert (statement.lines, statement.closing_vnd) == ((), 0)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda text: text[: text.rindex("TRAILER")], "trailer_missing"),
        (lambda text: text.replace("TRAILER,5", "TRAILER,6"), "control_total"),
        (lambda text: "\r\n".join(text.split("\r\n")[:2] + text.split("\r\n")[3:]), "control_total"),
        (lambda text: text.replace(",100000,", ",100001,", 1), "control_total"),
        (lambda text: text + text.split("\r\n")[1] + "\r\n", "after_trailer"),
        (lambda text: text.replace("payment,", "present,", 1), "word"),
        (lambda text: text[:200], "ragged"),
    ],
)
def test_a_spoilt_settlement_is_refused(bank: Bank, spoil: Callable[[str], str], code: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_file(spoil(settlement_csv(bank, _DAY)).encode(), PROFILES["sandbox-settlement"])

    assert caught.value.code == code


def test_money_that_left_without_a_name_stays_unnamed(bank: Bank) -> None:
    text = statement_csv(bank, _DAY).replace("REVERSAL", "CHUYEN TIEN")

    (statement,) = read_file(text.encode(), PROFILES["sandbox-statement"]).statements

    assert [(one.kind, one.direction) for one in statement.lines][2] == (LineKind.DEBIT, Direction.DEBIT)
    assert statement.lines[2].to_line() is None


def _given(day: date) -> Given:
    return Given(account="1020304050", day=day)
