"""The files of one Vietnamese business day: what the provider settles, and what the account statement shows."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from paygw.simulators.bank import VIETNAM, Bank
from paygw.simulators.facts import Payment, Refund, Reversal

SETTLEMENT_COLUMNS = ("ref", "bank_txn_id", "kind", "amount_vnd", "fee_vnd", "status", "occurred_at", "settled_on")
STATEMENT_COLUMNS = ("account", "bank_txn_id", "direction", "amount_vnd", "balance_vnd", "booked_at", "ref", "memo")

Row = tuple[str | int, ...]


def settlement_csv(bank: Bank, day: date) -> str:
    """One line per payment, refund and reversal; the last line holds count, sum of amounts and sum of fees."""
    settled_on = day + timedelta(days=1)
    rows: list[Row] = []
    for fact in _moved(bank):
        if _day(fact.occurred_at) == day:
            ref, txn_id, kind, status = _settled(fact)
            fee_vnd = bank.config.fee_vnd if kind == "payment" else 0
            at = fact.occurred_at.astimezone(VIETNAM).isoformat(timespec="seconds")
            rows.append((ref, txn_id, kind, fact.amount_vnd, fee_vnd, status, at, settled_on.isoformat()))
    amounts_vnd, fees_vnd = sum(int(row[3]) for row in rows), sum(int(row[4]) for row in rows)
    trailer = ("TRAILER", len(rows), "", amounts_vnd, fees_vnd, "", "", settled_on.isoformat())
    return _csv([SETTLEMENT_COLUMNS, *rows, trailer])


def statement_csv(bank: Bank, day: date) -> str:
    """One line per credit and debit with the running balance; the last line holds count, balance before and after."""
    rows: list[Row] = []
    balance_vnd = opening_vnd = 0
    for fact in _moved(bank):
        if _day(fact.occurred_at) > day:
            break
        credit = isinstance(fact, Payment) or (isinstance(fact, Refund) and fact.status == "returned")
        balance_vnd += fact.amount_vnd if credit else -fact.amount_vnd
        if _day(fact.occurred_at) < day:
            opening_vnd = balance_vnd
            continue
        ref, txn_id, _, _ = _settled(fact)
        memo = fact.memo if isinstance(fact, Payment) else type(fact).__name__.upper()
        at = fact.occurred_at.astimezone(VIETNAM).isoformat(timespec="seconds")
        direction = "credit" if credit else "debit"
        rows.append((bank.config.account, txn_id, direction, fact.amount_vnd, balance_vnd, at, ref, memo))
    total_vnd = sum(int(row[3]) for row in rows)
    trailer = ("TRAILER", len(rows), "", total_vnd, balance_vnd, day.isoformat(), opening_vnd, "")
    return _csv([STATEMENT_COLUMNS, *rows, trailer])


def _moved(bank: Bank) -> list[Payment | Reversal | Refund]:
    """Money that moved, in order of time."""
    facts = [fact for fact in bank.news() if isinstance(fact, Payment | Reversal | Refund)]
    return [fact for fact in facts if not isinstance(fact, Refund) or fact.status in {"succeeded", "returned"}]


def _settled(fact: Payment | Reversal | Refund) -> tuple[str, str, str, str]:
    """Reference, the bank's reference, kind and status of a line."""
    match fact:
        case Payment():
            return fact.attempt_ref or "", fact.bank_txn_id, "payment", "succeeded"
        case Reversal():
            return fact.attempt_ref or "", fact.bank_txn_id, "reversal", "succeeded"
        case Refund():
            status = "reversed" if fact.status == "returned" else "succeeded"
            return fact.refund_ref, fact.refund_txn_id or "", "refund", status


def _day(at: datetime) -> date:
    return at.astimezone(VIETNAM).date()


def _csv(rows: Iterable[Row]) -> str:
    return "".join(",".join(_cell(value) for value in row) + "\r\n" for row in rows)


def _cell(value: str | int) -> str:
    """Quoted where CSV needs it; a text that a spreadsheet would run is disarmed with an apostrophe."""
    cell = str(value)
    if isinstance(value, str) and cell.lstrip()[:1] in {"=", "+", "-", "@"}:
        cell = "'" + cell
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell
