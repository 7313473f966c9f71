"""Disbursements: instructions of a batch, each one slice; and how beneficiaries met what they had to give back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Connection, Record
from sqlalchemy import bindparam, func, insert, select, update

from paygw.store.query import Query
from paygw.store.tables import disbursements, fundings, movements

_ADD = Query(
    insert(disbursements).values(
        batch_id=bindparam("batch_id"),
        no=bindparam("no"),
        account=bindparam("account"),
        receipt_id=bindparam("receipt_id"),
        order_id=bindparam("order_id"),
        line_no=bindparam("line_no"),
        beneficiary=bindparam("beneficiary"),
        code=bindparam("code"),
        amount_vnd=bindparam("amount_vnd"),
        status="sent",
        created_at=bindparam("created_at"),
        made_by=bindparam("made_by"),
        checked_by=bindparam("checked_by"),
    )
)
_LOCK_ONE = Query(
    select(disbursements)
    .where(disbursements.c.batch_id == bindparam("batch"), disbursements.c.no == bindparam("number"))
    .with_for_update(key_share=True)
)
_ACCOUNT_OF = Query(
    select(disbursements.c.account).where(
        disbursements.c.batch_id == bindparam("batch"), disbursements.c.no == bindparam("number")
    )
)
_RETURNED = Query(
    select(disbursements)
    .where(
        disbursements.c.beneficiary == bindparam("to"),
        disbursements.c.code == bindparam("under"),
        disbursements.c.status == "returned",
        disbursements.c.reused_vnd < disbursements.c.amount_vnd,
    )
    .order_by(disbursements.c.batch_id, disbursements.c.no)
    .with_for_update(key_share=True)
)
_SET = Query(
    update(disbursements)
    .where(disbursements.c.batch_id == bindparam("batch"), disbursements.c.no == bindparam("number"))
    .values(status=bindparam("state"), reused_vnd=bindparam("reused"))
)
_ADD_FUNDING = Query(
    insert(fundings).values(
        id=bindparam("id"),
        kind=bindparam("kind"),
        receipt_id=bindparam("receipt_id"),
        refund_id=bindparam("refund_id"),
        beneficiary=bindparam("beneficiary"),
        code=bindparam("code"),
        amount_vnd=bindparam("amount_vnd"),
        account=bindparam("account"),
        from_receipt_id=bindparam("from_receipt_id"),
    )
)
_FIND_FUNDING = Query(select(fundings).where(fundings.c.id == bindparam("id")))
_PREFUNDED = Query(
    select(
        select(func.coalesce(func.sum(movements.c.amount_vnd), 0))
        .where(movements.c.event == "prefunded", movements.c.party == bindparam("to"))
        .scalar_subquery()
        - select(func.coalesce(func.sum(fundings.c.amount_vnd), 0))
        .where(fundings.c.kind == "prefunded", fundings.c.beneficiary == bindparam("to"))
        .scalar_subquery()
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One payment order of a batch: the whole undisbursed part of a slice."""

    batch_id: str
    no: int
    account: str
    receipt_id: str
    order_id: str
    line_no: int
    beneficiary: str
    code: str
    amount_vnd: int
    created_at: datetime
    made_by: str
    checked_by: str
    status: str = "sent"
    reused_vnd: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRow:
    """How a need was met: `account` was debited; `from_receipt_id` lent its slice where it was netted."""

    id: str
    kind: str
    receipt_id: str
    refund_id: str | None
    beneficiary: str
    code: str
    amount_vnd: int
    account: str
    from_receipt_id: str | None = None


async def add_instruction(connection: Connection, made: Instruction) -> None:
    """Keep an instruction as sent."""
    ids = {name: UUID(getattr(made, name)) for name in ("batch_id", "receipt_id", "order_id")}
    plain = ("no", "account", "line_no", "beneficiary", "code", "amount_vnd", "created_at", "made_by", "checked_by")
    await _ADD.run(connection, **ids, **{name: getattr(made, name) for name in plain})


async def lock_instruction(connection: Connection, batch_id: str, no: int) -> Instruction | None:
    """Lock one instruction; receipts and refunds are locked before."""
    row = await _LOCK_ONE.one(connection, batch=UUID(batch_id), number=no)
    return _instruction(row) if row is not None else None


async def account_of(connection: Connection, batch_id: str, no: int) -> str | None:
    """The account an instruction is paid from (it never changes)."""
    account: str | None = await _ACCOUNT_OF.value(connection, batch=UUID(batch_id), number=no)
    return account


async def lock_returned(connection: Connection, beneficiary: str, code: str) -> list[Instruction]:
    """Returned money of one beneficiary and code that is still there, oldest batch first."""
    return [_instruction(row) for row in await _RETURNED.all(connection, to=beneficiary, under=code)]


async def set_instruction(connection: Connection, made: Instruction, *, status: str, reused_vnd: int) -> None:
    """What became of an instruction; `reused_vnd` of a returned one has gone elsewhere."""
    await _SET.run(connection, batch=UUID(made.batch_id), number=made.no, state=status, reused=reused_vnd)


async def add_funding(connection: Connection, row: FundingRow) -> None:
    """Keep how a need was met. Raises asyncpg.UniqueViolationError `fundings_pk` when the id was used."""
    await _ADD_FUNDING.run(
        connection,
        id=row.id,
        kind=row.kind,
        receipt_id=UUID(row.receipt_id),
        refund_id=UUID(row.refund_id) if row.refund_id else None,
        beneficiary=row.beneficiary,
        code=row.code,
        amount_vnd=row.amount_vnd,
        account=row.account,
        from_receipt_id=UUID(row.from_receipt_id) if row.from_receipt_id else None,
    )


async def find_funding(connection: Connection, funding_id: str) -> FundingRow | None:
    """A funding kept before."""
    row = await _FIND_FUNDING.one(connection, id=funding_id)
    if row is None:
        return None
    return FundingRow(
        id=row["id"],
        kind=row["kind"],
        receipt_id=str(row["receipt_id"]),
        refund_id=str(row["refund_id"]) if row["refund_id"] else None,
        beneficiary=row["beneficiary"],
        code=row["code"],
        amount_vnd=row["amount_vnd"],
        account=row["account"],
        from_receipt_id=str(row["from_receipt_id"]) if row["from_receipt_id"] else None,
    )


async def prefunded_vnd(connection: Connection, beneficiary: str) -> int:
    """What is left of a beneficiary's prefunding; to be believed only under its account lock."""
    return int(await _PREFUNDED.value(connection, to=beneficiary))


def _instruction(row: Record) -> Instruction:
    values: dict[str, Any] = dict(row)
    values |= {name: str(row[name]) for name in ("batch_id", "receipt_id", "order_id")}
    return Instruction(**values)
