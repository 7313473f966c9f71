"""Seals: committed rows of ledger, evidence and audit chained by SHA-256, a few seconds behind, off every hot path.

A seal covers the rows after the previous one in the order of transactions. Its `head` continues the previous head over
the digests of all its rows; `marks` keeps eight bytes of each, so that a changed row can be named. Heads are copied to
a file outside the database: whoever cuts the tail off rows *and* seals is found by it.
"""

import hmac
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Final

from asyncpg import Connection, Record

from paygw.kernel.seals import Head, next_head
from paygw.store.cursor import BEGINNING, Cursor
from paygw.store.engine import AUDIT_S

_MARK_BYTES: Final = 8
_FETCH: Final = 2_000

# What is sealed, column by column: a later column changes no old digest. Times as microseconds, not as text.
_US = "(extract(epoch FROM {0}) * 1000000)::bigint"
_COLUMNS: Final = {
    "ledger": (
        "seq", "key", "n", "rule", "account", "amount_vnd", "receipt_id", "refund_id", "batch_id", "order_id",
        "line_no", "beneficiary", "code", "holder", "bank", "merchant", "value_date - DATE '2000-01-01'",
        _US.format("booked_at"),
    ),
    "evidence": (
        "seq", "bank", "key", "kind", "authority", "attempt_id", "body", "encode(digest, 'hex')",
        _US.format("received_at"),
    ),
    "audit": ("seq", "principal", "action", "subject", "detail", _US.format("at")),
}  # fmt: skip
_NAMES: Final = {
    "ledger": "'entry ' || key || ' line ' || n",
    "evidence": "'evidence ' || bank || ' ' || left(key, 120)",
    "audit": "'audit ' || seq || ' ' || action || ' by ' || principal",
}
CHAINS: Final = tuple(_COLUMNS)

_ROWS: Final = {
    chain: f"""
SELECT xid, seq, sha256(convert_to(jsonb_build_array({", ".join(columns)})::text, 'UTF8')) AS digest,
    {_NAMES[chain]} AS name
FROM {chain}
WHERE (xid, seq) > ($1::xid8, $2) AND xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xid, seq"""  # noqa: S608 - only constants of this module
    for chain, columns in _COLUMNS.items()
}
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('paygw seal ' || $1))"
_LAST = "SELECT no, upto_xid, upto_seq, head FROM seals WHERE chain = $1 ORDER BY no DESC LIMIT 1"
_ADD = """
INSERT INTO seals (chain, no, upto_xid, upto_seq, rows, head, marks) VALUES ($1, $2, $3::xid8, $4, $5, $6, $7)
"""
_SEALS = "SELECT no, upto_xid, upto_seq, rows, head, marks FROM seals WHERE chain = $1 ORDER BY no"


@dataclass(frozen=True, slots=True)
class BadRow:
    """The first place where a chain does not hold: what is there, and what is wrong with it."""

    chain: str
    seal: int
    row: str
    fault: str


async def seal_rows(connection: Connection, chain: str, limit: int) -> int:
    """Seal up to `limit` committed rows of a chain. 0 when there are none, or another worker is at it."""
    if not await connection.fetchval(_LOCK, chain):
        return 0
    last = await connection.fetchrow(_LAST, chain)
    after = Cursor(last["upto_xid"], last["upto_seq"]) if last else BEGINNING
    rows = await connection.fetch(f"{_ROWS[chain]} LIMIT $3", after.xid, after.seq, limit)
    if not rows:
        return 0
    number = last["no"] + 1 if last else 1
    digests = [row["digest"] for row in rows]
    head = next_head(chain, number, previous=last["head"] if last else b"", digests=digests)
    marks = b"".join(digest[:_MARK_BYTES] for digest in digests)
    await connection.execute(_ADD, chain, number, rows[-1]["xid"], rows[-1]["seq"], len(rows), head, marks)
    return len(rows)


async def current_heads(connection: Connection) -> list[Head]:
    """The newest head of each chain that has one."""
    rows = [await connection.fetchrow(_LAST, chain) for chain in CHAINS]
    return [Head(chain=chain, no=row["no"], head=row["head"]) for chain, row in zip(CHAINS, rows, strict=True) if row]


async def verify(connection: Connection, exported: Collection[Head] = ()) -> BadRow | None:
    """Recompute every chain in one snapshot and compare with the exported heads. The first bad row, or None."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0")  # an audit of years may take its time
        for chain in CHAINS:
            heads = {head.no: head.head for head in exported if head.chain == chain}
            if bad := await _verify_chain(connection, chain, heads):
                return bad
    return None


async def _verify_chain(connection: Connection, chain: str, heads: dict[int, bytes]) -> BadRow | None:
    rows = _Rows(aiter(connection.cursor(_ROWS[chain], BEGINNING.xid, BEGINNING.seq, prefetch=_FETCH, timeout=AUDIT_S)))
    previous, number = b"", 0
    async for seal in connection.cursor(_SEALS, chain, prefetch=_FETCH, timeout=AUDIT_S):
        number += 1
        if seal["no"] != number:
            return BadRow(chain, number, f"seal {number}", "the seal is missing")
        found = await rows.upto(Cursor(seal["upto_xid"], seal["upto_seq"]))
        if bad := _compare(chain, seal, found):
            return bad
        previous = next_head(chain, number, previous=previous, digests=[row["digest"] for row in found])
        if not hmac.compare_digest(previous, seal["head"]):
            return BadRow(chain, number, f"seal {number}", "the head does not follow from the rows before it")
        if not hmac.compare_digest(previous, heads.get(number, previous)):
            return BadRow(chain, number, f"seal {number}", "the chain was made anew after its head was exported")
    if (lost := max(heads, default=0)) > number:
        return BadRow(chain, number + 1, f"seal {number + 1}", f"the tail is cut off: seal {lost} was exported")
    return None


def _compare(chain: str, seal: Record, found: list[Record]) -> BadRow | None:
    """Name the first row of a seal that is not what was sealed."""
    sealed = [seal["marks"][at : at + _MARK_BYTES] for at in range(0, len(seal["marks"]), _MARK_BYTES)]
    present = [row["digest"][:_MARK_BYTES] for row in found]
    for place, row in enumerate(found):
        if sealed[place : place + 1] != [present[place]]:
            return BadRow(chain, seal["no"], row["name"], _fault(sealed[place:], present[place:]))
    if len(found) < len(sealed):
        after = f"after {found[-1]['name']}" if found else "the first row"
        return BadRow(chain, seal["no"], after, "a row was removed")
    return None


def _fault(sealed: list[bytes], present: list[bytes]) -> str:
    """What happened at the first difference."""
    if present[0] in sealed:
        return "the row before this one was removed"
    if not sealed or sealed[0] in present:
        return "the row was put in after sealing"
    return "the row was changed"


class _Rows:
    """Rows of a chain as they come, handed out seal by seal."""

    def __init__(self, stream: AsyncIterator[Record]) -> None:
        self._stream = stream
        self._ahead: Record | None = None

    async def upto(self, end: Cursor) -> list[Record]:
        """All rows not handed out yet, up to a place."""
        found: list[Record] = []
        while row := self._ahead or await anext(self._stream, None):
            self._ahead = row
            if Cursor(row["xid"], row["seq"]) > end:
                break
            found.append(row)
            self._ahead = None
        return found
