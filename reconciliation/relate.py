"""The relational part: take the clean matches of files of any size and fetch what is left.

A row is clean if its reference has exactly one row of its kind on each side and both agree on transaction, amount and
status. One grouping of hashes over both files finds that, in less memory than a join: the hashes of a clean pair cancel
to a known number. What is not clean is fetched together with every row that shares a reference or a transaction with
it, so that the steps of `judge.py` see whole stories.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from ibis import _
from ibis.backends.duckdb import Backend
from ibis.expr.types import BooleanValue, Table
from ibis.util import gen_name

from reconciliation.engine import count, fetch, fetch_column, fetch_rows, mark, seconds
from reconciliation.errors import TooMuchLeft
from reconciliation.files import Loaded
from reconciliation.folding import codes, is_memo
from reconciliation.model import ALIAS_SEPARATOR, Kind, Status
from reconciliation.rows import Row, Side

LEFT_MAX: Final = 2_000_000  # rows that are looked at one by one

_PAIR: Final = 2  # rows of a clean key: one of the book, one line


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]  # ibis has no types
def hash_of(one: str, two: str) -> dt.uint64:
    """64 bits of two texts."""


# What every line's hash is mixed with, so that two rows of one side never cancel. A plain number would be signed, and
# the engine would count in 128 bits.
_MIXED_IN: Final = hash_of("one line", "of the bank")


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]  # ibis has no types
def _hash3(one: str, two: str, three: int) -> dt.uint64: ...


@ibis.udf.scalar.builtin(name="xor")  # type: ignore[untyped-decorator]  # ibis has no types
def _xor(one: dt.uint64, two: dt.uint64) -> dt.uint64: ...


@ibis.udf.agg.builtin(name="bit_xor")  # type: ignore[untyped-decorator]  # ibis has no types
def _bit_xor(one: dt.uint64) -> dt.uint64: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Rows no clean match took; `stored` are those of the book as a table."""

    book: tuple[Row, ...]
    lines: tuple[Row, ...]
    orphans: frozenset[tuple[Side, int]]
    stored: Table
    clean_pairs: int


def take_clean(con: Backend, book: Loaded, bank: Loaded, *, left_max: int = LEFT_MAX) -> Left:
    """Split both files into clean pairs and what is left. Raises TooMuchLeft."""
    ours, theirs = _with_id(book.table), _with_id(bank.table)
    pair = bank.table.get_name()
    dirty = con.create_table(f"{pair}_dirty", _dirty_keys(ours, theirs), temp=True)
    orphans = con.create_table(f"{pair}_orphans", _orphans(con, pair, ours, theirs), temp=True)
    unclean = (
        con.create_table(f"{pair}_unclean_book", ours.filter(_not_clean(ours, dirty)), temp=True),
        con.create_table(f"{pair}_unclean_bank", theirs.filter(_not_clean(theirs, dirty)), temp=True),
    )
    names = con.create_table(f"{pair}_names", _names(con, pair, ours, unclean, orphans), temp=True)
    left_ours = con.create_table(f"{pair}_left_book", _touched(ours, names), temp=True)
    left_theirs = con.create_table(f"{pair}_left_bank", _touched(theirs, names), temp=True)
    counts = (count(left_ours), count(left_theirs))
    if max(counts) > left_max:
        raise TooMuchLeft(
            f"{counts[0]} rows of {book.header.path} and {counts[1]} lines of {bank.header.path} match nothing clean; "
            f"at most {left_max} are looked at one by one. Are both files of the same bank and period?"
        )
    return Left(
        book=tuple(_rows(left_ours, book)),
        lines=tuple(_rows(left_theirs, bank)),
        orphans=frozenset((row["side"], row["id"]) for row in fetch_rows(orphans)),
        stored=left_ours,
        clean_pairs=book.rows - counts[0],
    )


def clean_rows(con: Backend, book: Loaded, left: Left) -> Table:
    """The rows of the book with one equal line each, in the order of their file: a mark, since a join would lose it."""
    mark(con, book.table, left.stored)
    return book.table.filter(~book.table.rest)


def rows_where(loaded: Loaded, condition: BooleanValue) -> list[Row]:
    """The rows of a file for which something holds; meant for few. Raises TooMuchLeft."""
    con: Backend = loaded.table.get_backend()
    name = gen_name("found")
    # First into a table: with a limit the engine would look with one thread.
    found = con.create_table(name, _with_id(loaded.table).filter(condition), temp=True)
    try:
        if count(found) > LEFT_MAX:
            raise TooMuchLeft(f"{loaded.header.path} would have more than {LEFT_MAX} breaks of a kind: the right file?")
        return list(_rows(found, loaded))
    finally:
        con.drop_table(name)


def _with_id(table: Table) -> Table:
    return table.mutate(id=table.rowid())


def _dirty_keys(ours: Table, theirs: Table) -> Table:
    """Hashes of kind and reference that are not one clean pair."""

    def told(table: Table) -> Table:
        named = table.filter(table.ref != "")
        return named.select(
            key=hash_of(named.kind, named.ref), told=_hash3(named.bank_txn_id, named.status, named.amount_vnd)
        )

    lines = told(theirs).mutate(told=lambda line: _xor(line.told, _MIXED_IN))
    keys = ibis.union(told(ours), lines).group_by("key").agg(rows=_.count(), told=_bit_xor(_.told))
    return keys.filter((_.rows != _PAIR) | (_.told != _MIXED_IN)).select("key")


def _names(con: Backend, pair: str, ours: Table, unclean: tuple[Table, Table], orphans: Table) -> Table:
    """References and transactions of every row that is not clean, and references its text names."""
    named = ibis.union(*(table.select("ref", "bank_txn_id") for table in (*unclean, orphans))).distinct()
    memos = [text for text in _texts(unclean[1]) if text]
    if not memos:
        return named
    told = pa.table(
        {"code": sorted({code for text in memos for code in codes(text)})}, schema=pa.schema({"code": pa.string()})
    )
    found = con.create_table(f"{pair}_told", told, temp=True)
    folded = ours.select("ref", code=_folded(ours.ref))
    in_text = folded.filter(folded.code.isin(found.code)).select("ref", bank_txn_id=ibis.literal(""))
    return ibis.union(named, in_text).distinct()


def _texts(unclean: Table) -> Iterator[str]:
    """What lines that are not clean say in words: memos, and references that are no bare reference."""
    columns = [name for name in ("ref", "memo") if name in unclean.columns]
    for row in fetch_rows(unclean.select(*columns).distinct()):
        yield row["ref"] if is_memo(row["ref"]) else ""
        yield row.get("memo", "")


def _folded(text: ibis.expr.types.StringValue) -> ibis.expr.types.StringValue:
    """As `folding.fold`, for references of letters without diacritics."""
    return text.upper().re_replace("[^A-Z0-9]+", "")


def _not_clean(table: Table, dirty: Table) -> BooleanValue:
    return (table.ref == "") | hash_of(table.kind, table.ref).isin(dirty.key)


def _touched(table: Table, names: Table) -> Table:
    """Rows that are not clean and rows that share a name with one; a row without any name is never clean."""
    refs = names.filter(names.ref != "").ref
    txns = names.filter(names.bank_txn_id != "").bank_txn_id
    nameless = (table.ref == "") & (table.bank_txn_id == "")
    return table.filter(nameless | table.ref.isin(refs) | table.bank_txn_id.isin(txns))


def _orphans(con: Backend, pair: str, ours: Table, theirs: Table) -> Table:
    """Refunds whose reference and transaction no payment of either file bears, and whose reference names none."""
    sides = (("book", ours), ("bank", theirs))
    gone = (_.kind == Kind.REFUND.value) & (_.status == Status.SUCCEEDED.value) & (_.ref != "")
    refunds = con.create_table(
        f"{pair}_refunds",
        ibis.union(*(t.filter(gone).select("id", "ref", "bank_txn_id", side=ibis.literal(s)) for s, t in sides)),
        temp=True,
    )
    if not count(refunds):
        return refunds
    paid = [table.filter(table.kind == Kind.PAYMENT.value) for table in (ours, theirs)]
    refs = ibis.union(*(t.filter(t.ref.isin(refunds.ref)).select("ref") for t in paid))
    txns = ibis.union(*(t.filter(t.bank_txn_id.isin(refunds.bank_txn_id)).select("bank_txn_id") for t in paid))
    known = refunds.ref.isin(refs.ref) | ((refunds.bank_txn_id != "") & refunds.bank_txn_id.isin(txns.bank_txn_id))
    alone = con.create_table(f"{pair}_alone", refunds.filter(~known), temp=True)
    texts = fetch_column(alone.select("ref").distinct())
    told: dict[str, list[str]] = {}
    for text in texts:
        for code in codes(text):
            told.setdefault(code, []).append(text)
    if not told:
        return alone
    found = con.create_table(f"{pair}_refund_codes", pa.table({"code": sorted(told)}), temp=True)
    named = ibis.union(*(t.select(code=_folded(t.ref)) for t in paid))
    hits = fetch_column(named.filter(named.code.isin(found.code)).distinct())
    return alone.filter(alone.ref.notin([text for code in hits for text in told[code]])) if hits else alone


def _rows(table: Table, loaded: Loaded) -> Iterable[Row]:
    """Rows in memory; text of the closed lists becomes their enums."""
    kinds, statuses = {one.value: one for one in Kind}, {one.value: one for one in Status}
    columns = [name for name in (*loaded.header.known, "id") if name != "occurred_at"]
    found = fetch(table.select(*columns, at=table["at"]))
    for batch in found.to_batches():
        times = seconds(batch.column("at"))
        for at_s, cells in zip(times, batch.drop_columns("at").to_pylist(), strict=True):
            aliases = tuple(one for one in cells.pop("aliases", "").split(ALIAS_SEPARATOR) if one)
            cells["kind"], cells["status"] = kinds[cells["kind"]], statuses[cells["status"]]
            yield Row(**cells, aliases=aliases, at_s=at_s)
