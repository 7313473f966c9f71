"""Money out in batches (custody): proposed by one person, approved by another, exported, confirmed or returned.

A batch pays each beneficiary once per budget code, out of whole slices. Approval is bound to the content that was
shown: slices, amounts, and the payee's name and account at that moment.
"""

import hashlib
import hmac
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import msgspec
from asyncpg import Connection

from paygw.hub.breaks import content_hash, require_person
from paygw.hub.days import calendar_of, local_day
from paygw.hub.disbursement import Place, confirm_instruction, disburse_slice, reinstruct, return_instruction
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.persons import TwoPersons, decided_by_two, principal_of, require_checker, tell_audit
from paygw.hub.settlement import SliceName
from paygw.hub.writing import new_id
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.kernel.posting import h_bank
from paygw.kernel.remitting import check_term, remit_due
from paygw.outside.pain001 import Party, Transfer, build
from paygw.store import payouts as store
from paygw.store.payouts import Payee
from paygw.store.settlement import lock_account

SLICES_MAX: Final = 2_000  # of one batch: it is decided and posted in one transaction


async def set_payee(hub: Hub, payee: Payee, *, persons: TwoPersons) -> View:
    """Say where a beneficiary's money goes; two persons, the document names the account."""
    check_term(payee.remit_every, payee.remit_by)  # type: ignore[arg-type]  # a word of the command line's choice

    async def work(connection: Connection) -> None:
        await decided_by_two(connection, persons, "payee.set", payee.beneficiary, bank=payee.bank_code)
        await store.set_payee(connection, payee, by=persons.maker, checked_by=persons.checker, at=hub.clock())

    await hub.transact(work)
    return {"beneficiary": payee.beneficiary, "set": True}


async def propose_payout(
    hub: Hub, account: str, *, by: str, beneficiary: str | None = None, until: date | None = None, via: str = "cli"
) -> View:
    """Everything that can leave an account. Raises Refused: `receipt_held`, `nothing_selected`, `payee_missing`."""
    if hub.settings.funds != "custody":
        raise Refused("receipt_held", "In routing mode the hub holds no money: providers pay the bodies themselves.")
    batch_id = new_id()
    await hub.transact(partial(_propose, hub, batch_id, account, by, beneficiary, until, via))
    return await show_payout(hub, batch_id)


async def _propose(
    hub: Hub,
    batch_id: str,
    account: str,
    by: str,
    beneficiary: str | None,
    until: date | None,
    via: str,
    connection: Connection,
) -> None:
    await require_person(connection, by)
    last = until or local_day(hub.clock())
    slices = await store.payable(connection, account, beneficiary=beneficiary, until=last, limit=SLICES_MAX)
    if not slices:
        raise Refused("nothing_selected", "Nothing of that account can be paid out: see paygw disburse due.")
    payees = await store.read_payees(connection)
    missing = sorted({one.beneficiary for one in slices} - payees.keys())
    if missing:
        raise Refused("payee_missing", f"Say where their money goes (paygw disburse payee): {', '.join(missing)}.")
    content: View = {
        "batch": batch_id,
        "account": account,
        "payees": {name: _destination(payees[name]) for name in sorted({one.beneficiary for one in slices})},
        "slices": [
            {"no": no, **{k: v for k, v in msgspec.to_builtins(one).items() if k != "value_date"}}
            for no, one in enumerate(slices, start=1)
        ],
    }
    text, digest = content_hash(content)
    await store.propose(
        connection,
        batch_id=batch_id,
        account=account,
        content=text,
        digest=digest,
        total_vnd=sum(one.amount_vnd for one in slices),
        by=by,
        via=via,
        at=hub.clock(),
    )
    await tell_audit(connection, principal_of(by), "payout.proposed", batch_id, hash=digest)


async def approve_payout(hub: Hub, batch_id: str, *, by: str, shown: str, document: str, via: str = "cli") -> View:
    """Post every slice, or none. Raises Refused: `payout_state`, `stale_version`, `same_person`, the kernel's."""
    await hub.transact(partial(_approve, hub, _uuid(batch_id), by, shown, document, via))
    return await show_payout(hub, batch_id)


async def _approve(hub: Hub, uid: UUID, by: str, shown: str, document: str, via: str, connection: Connection) -> None:
    row = await store.find_payout(connection, uid)
    if row is None:
        raise Refused("not_found", "There is no such batch.")
    _require_other(row, by, via)
    if not hmac.compare_digest(row["content_hash"].encode(), shown.encode()):
        raise Refused("stale_version", "That is not the batch as it stands: look at it again.")
    content = msgspec.json.decode(row["content"], type=dict[str, Any])
    payees = await store.read_payees(connection)
    if any(_destination(payees[name]) != told for name, told in content["payees"].items()):
        raise Refused("stale_version", "A payee's account was changed since: propose the batch again.")
    persons = TwoPersons(maker=row["proposed_by"], checker=by, document=document)
    inside = hub.within(connection)
    for one in content["slices"]:
        name = SliceName(
            receipt_id=one["receipt_id"], line_no=one["line_no"], beneficiary=one["beneficiary"], code=one["code"]
        )
        made = await disburse_slice(inside, Place(batch_id=str(uid), no=one["no"]), name, persons=persons)
        if made.amount_vnd != one["amount_vnd"]:
            raise Refused("stale_version", "A slice has another amount now: propose the batch again.")
    if not await store.decide(connection, uid, status="approved", by=by, at=hub.clock()):
        raise Refused("payout_state", "Somebody decided meanwhile.")


async def reject_payout(hub: Hub, batch_id: str, *, by: str, via: str = "cli") -> View:
    """Drop a proposed batch."""

    async def work(connection: Connection) -> None:
        row = await store.find_payout(connection, _uuid(batch_id))
        if row is None:
            raise Refused("not_found", "There is no such batch.")
        _require_other(row, by, via)
        await require_checker(connection, by)
        if not await store.decide(connection, row["batch_id"], status="rejected", by=by, at=hub.clock()):
            raise Refused("payout_state", f"The batch is {row['status']}.")
        await tell_audit(connection, principal_of(by), "payout.rejected", batch_id)

    await hub.transact(work)
    return await show_payout(hub, batch_id)


async def export_payout(hub: Hub, batch_id: str, *, by: str) -> bytes:
    """The payment orders as pain.001.001.09; again gives the same bytes. Raises Refused `payout_state`."""
    return await hub.transact(partial(_export, hub, _uuid(batch_id), by))


async def _export(hub: Hub, uid: UUID, by: str, connection: Connection) -> bytes:
    await require_person(connection, by)
    row = await store.lock_payout(connection, uid)
    if row is None or row["status"] not in {"approved", "exported"}:
        raise Refused("payout_state", "Only an approved batch is exported.")
    content = msgspec.json.decode(row["content"], type=dict[str, Any])
    made_at = row["decided_at"].astimezone(VIETNAM)
    debtor = Party(name=hub.settings.operator_name, account=content["account"], bank=hub.settings.operator_bank)
    made = build(
        _short(uid),
        [_transfer(uid, no, group, content["payees"]) for no, group in enumerate(_groups(content), start=1)],
        debtor=debtor,
        made_at=made_at,
        on=made_at.date(),
        initiator=hub.settings.operator_name,
    )
    digest = hashlib.sha256(made).hexdigest()
    if not await store.mark_exported(connection, uid, digest=digest, at=hub.clock()):
        raise Refused("payout_state", "Another file was made of this batch: the settings of the debtor have changed.")
    await tell_audit(connection, principal_of(by), "payout.exported", str(uid), digest=digest)
    return made


async def confirm_group(hub: Hub, batch_id: str, group: int, *, by: str) -> View:
    """Row 23: the bank paid one payment order of a batch. Again is nothing."""
    await hub.transact(partial(_for_group, hub, _uuid(batch_id), group, by, "confirmed"))
    return await show_payout(hub, batch_id)


async def return_group(hub: Hub, batch_id: str, group: int, *, by: str) -> View:
    """Row 23: a payment order came back; its money waits for the right account."""
    await hub.transact(partial(_for_group, hub, _uuid(batch_id), group, by, "returned"))
    return await show_payout(hub, batch_id)


async def _for_group(hub: Hub, uid: UUID, number: int, by: str, to: str, connection: Connection) -> None:
    await require_person(connection, by)
    row = await store.find_payout(connection, uid)
    if row is None or row["status"] != "exported":
        raise Refused("payout_state", "Only payment orders of an exported batch are confirmed or returned.")
    content = msgspec.json.decode(row["content"], type=dict[str, Any])
    beneficiary, code = _group(content, number)
    await lock_account(connection, h_bank(content["account"]))
    act = confirm_instruction if to == "confirmed" else return_instruction
    inside = hub.within(connection)
    for no in await store.places_of(connection, uid, beneficiary, code, "sent"):
        await act(inside, Place(batch_id=str(uid), no=no))
    await tell_audit(connection, principal_of(by), f"payout.{to}", f"{uid}:{number}")


async def send_again(hub: Hub, batch_id: str, group: int, *, persons: TwoPersons) -> View:
    """Row 23: instruct returned money once more, to the payee's account as it is now; two persons."""

    async def work(connection: Connection) -> None:
        uid = _uuid(batch_id)
        row = await store.find_payout(connection, uid)
        if row is None:
            raise Refused("not_found", "There is no such batch.")
        beneficiary, code = _group(msgspec.json.decode(row["content"], type=dict[str, Any]), group)
        places = await store.places_of(connection, uid, beneficiary, code, "returned")
        if not places:
            raise Refused("disbursement_state", "Nothing of this payment order came back.")
        for no in places:
            await reinstruct(hub.within(connection), Place(batch_id=str(uid), no=no), persons=persons)

    await hub.transact(work)
    return await show_payout(hub, batch_id)


async def show_payout(hub: Hub, batch_id: str) -> View:
    """A batch with its payment orders, slices and hash. Raises Refused `not_found`."""
    uid = _uuid(batch_id)
    async with hub.pool.acquire() as connection:
        row = await store.find_payout(connection, uid)
        if row is None:
            raise Refused("not_found", "There is no such batch.")
        content = msgspec.json.decode(row["content"], type=dict[str, Any])
        orders = []
        for no, (beneficiary, code, slices) in enumerate(_groups(content), start=1):
            states = {
                state: len(await store.places_of(connection, uid, beneficiary, code, state))
                for state in ("sent", "confirmed", "returned")
            }
            total_vnd = sum(one["amount_vnd"] for one in slices)
            place = {"group": no, "beneficiary": beneficiary, "code": code, "amount_vnd": total_vnd}
            orders.append({**place, "slices": len(slices), **content["payees"][beneficiary], "states": states})
    return {
        "batch": batch_id,
        "account": row["account"],
        "status": row["status"],
        "total_vnd": row["total_vnd"],
        "content_hash": row["content_hash"],
        "proposed_by": row["proposed_by"],
        "decided_by": row["decided_by"],
        "orders": orders,
    }


async def list_payouts(hub: Hub, *, limit: int = 100) -> list[View]:
    """The latest batches."""
    async with hub.pool.acquire() as connection:
        rows = await store.list_payouts(connection, limit)
    return [{**dict(row), "batch_id": str(row["batch_id"])} for row in rows]


async def list_due(hub: Hub) -> list[View]:
    """The remittance clock: settled money per beneficiary, since when it waits, by when the law wants it there."""
    async with hub.pool.acquire() as connection:
        rows = await store.waiting_for_owners(connection)
    today = local_day(hub.clock())
    found = []
    for row in rows:
        due = None
        if row["remit_every"]:
            due = remit_due(row["remit_every"], row["remit_by"], row["oldest"], calendar_of("treasury"))
        found.append(
            {
                "beneficiary": row["beneficiary"],
                "stands_with": row["stands_with"],
                "oldest": row["oldest"].isoformat(),
                "slices": row["slices"],
                "amount_vnd": row["vnd"],
                "due_on": due.isoformat() if due else None,
                "overdue": bool(due and today > due),
                "basis": row["basis"],
            }
        )
    return found


def _destination(payee: Payee) -> View:
    names = ("name", "account", "bank_code", "treasury_unit", "collecting_office")
    return {name: getattr(payee, name) for name in names}


def _groups(content: View) -> list[tuple[str, str, list[View]]]:
    """One payment order per payee and budget code, in the order of the slices."""
    by = groupby(content["slices"], key=lambda one: (one["beneficiary"], one["code"]))
    return [(beneficiary, code, list(slices)) for (beneficiary, code), slices in by]


def _group(content: View, number: int) -> tuple[str, str]:
    groups = _groups(content)
    if not 0 < number <= len(groups):
        raise Refused("not_found", f"The batch has payment orders 1 to {len(groups)}.")
    beneficiary, code, _ = groups[number - 1]
    return beneficiary, code


def _transfer(uid: UUID, no: int, group: tuple[str, str, list[View]], payees: View) -> Transfer:
    beneficiary, code, slices = group
    payee = payees[beneficiary]
    return Transfer(
        end_to_end_id=f"{_short(uid)}-{no}",
        amount_vnd=sum(one["amount_vnd"] for one in slices),
        to=Party(name=payee["name"], account=payee["account"], bank=payee["bank_code"]),
        remittance=_remittance(payee, code, len(slices)),
    )


def _remittance(payee: View, code: str, count: int) -> str:
    """C1-02/NS in one line: chương, tiểu mục, ĐBHC, mã QHNS, cơ quan thu, KBNN; no citizen is named."""
    chapter, item, area, unit = (code.split(".") + ["-"] * 4)[:4]
    text = f"NOP NSNN C:{chapter} TM:{item} DBHC:{area} QHNS:{unit} CQT:{payee['collecting_office'] or '-'}"
    return f"{text} KBNN:{payee['treasury_unit'] or '-'} {count} KHOAN"[:140]


def _short(uid: UUID) -> str:
    return f"PO{uid.hex[:26].upper()}"


def _require_other(row: Any, by: str, via: str) -> None:  # noqa: ANN401 - a row of the store
    if row["status"] != "proposed":
        raise Refused("payout_state", f"The batch is {row['status']}.")
    if row["proposed_by"] == by:
        raise Refused("same_person", "A second person must decide.")
    if row["proposed_via"] == via and via.startswith("key:"):
        raise Refused("same_person", "Who proposed by one API key is decided on by another key, or at the console.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refused("not_found", "A batch has a uuid: paygw disburse list shows them.") from None
