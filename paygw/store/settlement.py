"""Settlement lines and batches, movements on holding accounts, and what an account can spend."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from asyncpg import Connection
from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from paygw.store.query import Query
from paygw.store.tables import movements, settlement_lines, settlements

_FIND_LINE = Query(
    select(settlement_lines).where(
        settlement_lines.c.bank == bindparam("bank"),
        (settlement_lines.c.batch == bindparam("batch")) & (settlement_lines.c.line == bindparam("line"))
        | (settlement_lines.c.kind == bindparam("kind")) & (settlement_lines.c.subject == bindparam("subject")),
    )
)
_ADD_LINE = Query(
    insert(settlement_lines).values(
        bank=bindparam("bank"),
        batch=bindparam("batch"),
        line=bindparam("line"),
        kind=bindparam("kind"),
        subject=bindparam("subject"),
        receipt_id=bindparam("receipt_id"),
        holding=bindparam("holding"),
        amount_vnd=bindparam("amount_vnd"),
        fee_vnd=bindparam("fee_vnd"),
        settled_on=bindparam("settled_on"),
    )
)
_LINES_TOTAL = Query(
    select(
        func.coalesce(func.sum(settlement_lines.c.amount_vnd), 0).label("lines_vnd"),
        func.count(func.distinct(settlement_lines.c.holding)).label("holdings"),
        func.min(settlement_lines.c.holding).label("holding"),
    ).where(settlement_lines.c.bank == bindparam("bank"), settlement_lines.c.batch == bindparam("batch"))
)
_FIND_BATCH = Query(
    select(settlements).where(settlements.c.bank == bindparam("bank"), settlements.c.batch == bindparam("batch"))
)
_new_batch = insert(settlements).values(
    bank=bindparam("bank"),
    batch=bindparam("batch"),
    holding=bindparam("holding"),
    lines_vnd=bindparam("lines_vnd"),
    fee_vnd=bindparam("fee_vnd"),
    net_vnd=bindparam("net_vnd"),
    status=bindparam("status"),
    closed_at=bindparam("closed_at"),
)
_CLOSE_BATCH = Query(
    _new_batch.on_conflict_do_update(
        constraint="settlements_pk",
        set_={name: _new_batch.excluded[name] for name in ("lines_vnd", "fee_vnd", "net_vnd", "status", "closed_at")},
        where=settlements.c.status == "differs",
    )
)
_DIFFERS = Query(
    select(settlement_lines.c.batch)
    .join(
        settlements,
        (settlements.c.bank == settlement_lines.c.bank) & (settlements.c.batch == settlement_lines.c.batch),
    )
    .where(settlement_lines.c.receipt_id == bindparam("receipt"), settlements.c.status == "differs")
)
_FIND_MOVEMENT = Query(select(movements).where(movements.c.key == bindparam("key")))
_ADD_MOVEMENT = Query(
    insert(movements).values(
        key=bindparam("key"),
        event=bindparam("event"),
        holding=bindparam("holding"),
        party=bindparam("party"),
        amount_vnd=bindparam("amount_vnd"),
    )
)
# The rollup holds the sums up to its mark, the tail is short: both are read in one statement, so in one snapshot.
_SPENDABLE = """
SELECT coalesce((SELECT debit_vnd - credit_vnd FROM ledger_rollup WHERE account = $1), 0)
     + coalesce((SELECT sum(l.amount_vnd) FROM ledger l, ledger_rollup_mark m
                 WHERE l.account = $1 AND (l.xid, l.seq) > (m.xid, m.seq)), 0) AS balance_vnd,
       coalesce((SELECT sum(d.amount_vnd) FROM disbursements d WHERE d.status = 'sent' AND d.account = $2), 0)
     + coalesce((SELECT sum(f.amount_vnd - f.body_paid_vnd) FROM refunds f JOIN receipts r ON r.id = f.receipt_id
                 WHERE f.status = 'sending' AND f.route = 'transfer' AND r.account = $2), 0) AS in_flight_vnd,
       coalesce((SELECT sum(CASE m.event WHEN 'fee_topped_up' THEN -m.amount_vnd ELSE m.amount_vnd END)
                 FROM movements m WHERE m.holding = $1
                   AND m.event IN ('fee_kept', 'bank_charge', 'fee_topped_up')), 0) AS due_vnd
"""
_LINE = ("bank", "batch", "line", "kind", "subject", "holding", "amount_vnd", "fee_vnd", "settled_on")
_LOCK_ACCOUNT = "SELECT pg_advisory_xact_lock(hashtextextended($1, 11))"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledLine:
    """One line of a settlement as booked; the amount is above zero when money came to us. The fee is the provider's."""

    bank: str
    batch: str
    line: str
    kind: str
    subject: str
    receipt_id: str
    holding: str
    amount_vnd: int
    fee_vnd: int
    settled_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A settlement batch with its net credit."""

    bank: str
    batch: str
    holding: str
    lines_vnd: int
    fee_vnd: int
    net_vnd: int
    status: str
    closed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A movement on a holding account; its kind says the direction."""

    key: str
    event: str
    holding: str
    party: str
    amount_vnd: int


@dataclass(frozen=True, slots=True)
class Spendable:
    """What an account holds, what has been sent from it and not arrived, what it owes in fees: đồng."""

    balance_vnd: int
    in_flight_vnd: int
    due_vnd: int


async def lock_account(connection: Connection, holding: str) -> None:
    """Serialise what spends from a holding account; taken after receipts and refunds, before batches."""
    await connection.execute(_LOCK_ACCOUNT, holding)


async def read_spendable(connection: Connection, account: str) -> Spendable:
    """The figures of one of our bank accounts, by its number; to be believed only under `lock_account`."""
    row = await connection.fetchrow(_SPENDABLE, f"H:bank:{account}", account)
    return Spendable(int(row["balance_vnd"]), int(row["in_flight_vnd"]), int(row["due_vnd"]))


async def find_line(connection: Connection, line: SettledLine) -> SettledLine | None:
    """A line booked before under the same place in a file, or about the same movement."""
    row = await _FIND_LINE.one(
        connection, bank=line.bank, batch=line.batch, line=line.line, kind=line.kind, subject=line.subject
    )
    if row is None:
        return None
    return SettledLine(receipt_id=str(row["receipt_id"]), **{name: row[name] for name in _LINE})


async def add_line(connection: Connection, line: SettledLine) -> None:
    """Keep a line."""
    values = {name: getattr(line, name) for name in _LINE}
    await _ADD_LINE.run(connection, receipt_id=UUID(line.receipt_id), **values)


async def batch_total(connection: Connection, bank: str, batch: str) -> tuple[int, str | None]:
    """Σ of a batch's lines, and the holding account if it is one."""
    row = await _LINES_TOTAL.one(connection, bank=bank, batch=batch)
    if row is None:
        return 0, None
    return int(row["lines_vnd"]), row["holding"] if row["holdings"] == 1 else None


async def find_batch(connection: Connection, bank: str, batch: str) -> Batch | None:
    """A batch closed before."""
    row = await _FIND_BATCH.one(connection, bank=bank, batch=batch)
    return Batch(**dict(row)) if row is not None else None


async def keep_batch(connection: Connection, batch: Batch) -> None:
    """Close a batch, or close one again whose net did not fit its lines."""
    await _CLOSE_BATCH.run(connection, **{name: getattr(batch, name) for name in Batch.__slots__})


async def differing_batch(connection: Connection, receipt_id: str) -> str | None:
    """The batch of a receipt whose net credit is not its lines: no money of it leaves."""
    batch: str | None = await _DIFFERS.value(connection, receipt=UUID(receipt_id))
    return batch


async def settled_names(connection: Connection, bank: str, day: str) -> frozenset[str]:
    """The lines of a day's batches that are posted."""
    rows = await connection.fetch(
        "SELECT line FROM settlement_lines WHERE bank = $1 AND (batch = $2 OR batch LIKE $2 || '.%')", bank, day
    )
    return frozenset(row["line"] for row in rows)


async def find_movement(connection: Connection, key: str) -> Movement | None:
    """A movement booked before under a key."""
    row = await _FIND_MOVEMENT.one(connection, key=key)
    names = ("key", "event", "holding", "party", "amount_vnd")
    return Movement(**{name: row[name] for name in names}) if row is not None else None


async def add_movement(connection: Connection, movement: Movement) -> None:
    """Keep a movement."""
    await _ADD_MOVEMENT.run(connection, **{name: getattr(movement, name) for name in Movement.__slots__})
