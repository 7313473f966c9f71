"""Lines that bear no reference of ours: by virtual account, by the transfer's text, by amount and moment."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from reconciliation.desk import Desk, groups
from reconciliation.folding import codes, fold, is_memo
from reconciliation.model import BreakKind, Kind
from reconciliation.pairs import pair
from reconciliation.passes import AMOUNT_AND_WINDOW, MEMO_CODE, MOMENT, VIRTUAL_ACCOUNT
from reconciliation.rows import DAY_S, Row

MOMENT_S: Final = 120
WINDOW_S: Final = 2 * DAY_S


def pair_virtual_accounts(desk: Desk) -> None:
    """A virtual account that one open row and one open line share."""
    lines = groups(_succeeded(desk.lines.values()), _virtual_account)
    for account, ours in groups(_succeeded(desk.book.values()), _virtual_account).items():
        theirs = lines.get(account, [])
        if len(ours) == len(theirs) == 1 and _may_name(theirs[0]) and not desk.apart(ours[0], theirs[0]):
            pair(desk, ours[0], theirs[0], VIRTUAL_ACCOUNT)


def pair_memos(desk: Desk) -> None:
    """A transfer's text that names one reference; naming one that is paid already, it was paid twice."""
    known: dict[tuple[Kind, str], Row] = {}
    for row in [*(one for match in desk.matches for one in match.book), *desk.book.values()]:
        known[row.kind, fold(row.ref)] = row
    for line in list(desk.lines.values()):
        named = _named(line, known)
        if named is None:
            continue
        if named.id in desk.book and not desk.apart(named, line):
            pair(desk, named, line, MEMO_CODE)
        elif line.kind is Kind.PAYMENT and line.succeeded and named.succeeded:
            sentence = "The transfer's text names a reference that another transaction has paid."
            desk.raise_break(BreakKind.PAID_TWICE, named, line, sentence)
            desk.take(lines=[line])


def pair_moments(desk: Desk) -> None:
    """A nameless line and the one row of its amount within two minutes.

    Within two days, or of another bank transaction, it is a suggestion.
    """
    ours = groups(_succeeded(desk.book.values()), _money)
    theirs = groups((line for line in _succeeded(desk.lines.values()) if not line.ref), _money)
    for key, lines in theirs.items():
        rows = ours.get(key, [])
        near = [(row, line) for row in rows for line in lines if _near(row, line) and not desk.apart(row, line)]
        rivals = Counter(row.id for row, _ in near), Counter(line.id for _, line in near)
        for row, line in near:
            if rivals[0][row.id] > 1 or rivals[1][line.id] > 1:
                continue
            if abs(row.at_s - line.at_s) <= MOMENT_S and _may_be_one(row, line):
                desk.match(MOMENT, [row], [line])
            else:
                desk.suggest(AMOUNT_AND_WINDOW, [row], [line])


def _may_be_one(row: Row, line: Row) -> bool:
    """Two different bank transactions are more likely two payments than one."""
    return not (row.bank_txn_id and line.bank_txn_id) or line.bank_txn_id in {row.bank_txn_id, *row.aliases}


def _near(row: Row, line: Row) -> bool:
    return abs(row.at_s - line.at_s) <= WINDOW_S


def _named(line: Row, known: dict[tuple[Kind, str], Row]) -> Row | None:
    """The one row a line's text names; two different ones are for a person."""
    texts = [text for text in (line.memo, line.ref if is_memo(line.ref) else "") if text]
    rows = {
        known[line.kind, code].id: known[line.kind, code]
        for text in texts
        for code in codes(text)
        if (line.kind, code) in known
    }
    return next(iter(rows.values())) if len(rows) == 1 else None


def _may_name(line: Row) -> bool:
    """A line with a bare reference of its own belongs to that reference."""
    return not line.ref or is_memo(line.ref)


def _succeeded(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.succeeded]


def _virtual_account(row: Row) -> str | None:
    return row.virtual_account or None


def _money(row: Row) -> tuple[Kind, int]:
    return row.kind, row.amount_vnd
