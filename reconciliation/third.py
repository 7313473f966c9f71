"""What the third file is, told by its content, and what it says of the other two.

- Most of its rows name references or transactions of the other files, and it knows no settlement days or no fees:
  what **portals** say they applied.
- They do, and it bears fees, or the statement bears none and it says more than which payments succeeded: another
  statement, matched **line** by line with the book.
- They do not: **net credits** of a bank or treasury, each the sum of many lines less fees.
"""

from typing import Final

import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from reconciliation.engine import count, fetch_rows
from reconciliation.files import Loaded
from reconciliation.model import Kind, Role, Status
from reconciliation.relate import hash_of

_SAMPLE: Final = 4_000


def role_of(con: Backend, book: Loaded, bank: Loaded, third: Loaded) -> Role | None:
    """Decide from a sample that does not depend on the order of rows; a file without rows says nothing."""
    if not third.rows:
        return None
    table = third.table
    step = max(1, third.rows // _SAMPLE)
    sample = con.create_table(
        "third_sample", table.filter(hash_of(table.ref, table.bank_txn_id) % step == 0), temp=True, overwrite=True
    )
    named = _known(sample, book.table, "ref") | _known(sample, bank.table, "ref")
    known = named | _known(sample, book.table, "bank_txn_id") | _known(sample, bank.table, "bank_txn_id")
    (seen,) = fetch_rows(
        sample.aggregate(
            rows=sample.count(),
            known=known.sum(),
            unsettled=sample.settled_on.isnull().sum(),
            charged=(sample.fee_vnd.fill_null(0) != 0).sum(),
            more=((sample.kind != Kind.PAYMENT.value) | (sample.status != Status.SUCCEEDED.value)).sum(),
        )
    )
    if 2 * (seen["known"] or 0) < seen["rows"]:
        return Role.CREDITS
    if 2 * (seen["unsettled"] or 0) > seen["rows"]:
        return Role.PORTAL
    if 2 * (seen["charged"] or 0) >= seen["rows"] or (seen["more"] and _is_free(bank)):
        return Role.LINES
    return Role.PORTAL


def _is_free(bank: Loaded) -> bool:
    """Whether the statement names no fee, so that a third file without fees may be one too."""
    return not count(bank.table.filter(bank.table.fee_vnd.fill_null(0) != 0).limit(1))


def _known(sample: Table, other: Table, column: str) -> ibis.expr.types.BooleanValue:
    """Whether a row's name stands in another file; only names of the sample are looked up."""
    wanted = sample.filter(sample[column] != "").select(column)
    found = other.filter(other[column].isin(wanted[column])).select(column)
    return sample[column].isin(found[column])
