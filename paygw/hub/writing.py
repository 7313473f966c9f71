"""From a decision to rows: what changed between two situations, its postings, events and cases."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from uuid_utils import uuid7

from paygw.hub.hub import Hub
from paygw.hub.views import instant, money_view, order_view, refund_view
from paygw.kernel.decide import VIETNAM, CaseNote, Decision, Fact
from paygw.kernel.evidence import Evidence
from paygw.kernel.orders import Situation
from paygw.kernel.posting import Entry, Posting
from paygw.kernel.receipts import Receipt
from paygw.kernel.refs import public_id
from paygw.store.situations import Locked, Writes

_HELD = ":held"
_BORN_RULES = frozenset({"3", "21"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where a decision came from: the bank's reference of the movement, and the message it was read from."""

    now: datetime
    bank: str = ""
    bank_txn_id: str | None = None
    digest: bytes | None = None


def new_id() -> str:
    """A uuid v7: rows born together lie together."""
    return str(uuid7())


def token_key(hub: Hub) -> bytes:
    """The key of pay tokens."""
    return hub.vault.derive("pay token")


def writes_for(hub: Hub, locked: Locked, decision: Decision, told: Told) -> Writes:
    """Everything that must be written so that the database holds `decision.situation`."""
    before, after = locked.situation, decision.situation
    writes = Writes()
    was = {receipt.id: receipt for receipt in before.purse.receipts}
    born = [receipt for receipt in after.purse.receipts if receipt.id not in was]
    changed = [receipt for receipt in after.purse.receipts if was.get(receipt.id) != receipt]
    _write_states(writes, before, after, joined=sum(_joined(was.get(r.id), r, after) for r in changed))
    for receipt in changed:
        _write_receipt(writes, was.get(receipt.id), receipt, told)
    if told.bank_txn_id:
        writes.aliases = [
            {"observer": told.bank, "alias": told.bank_txn_id, "receipt_id": receipt.id} for receipt in born
        ]
    receipts = {receipt.id: receipt for receipt in after.purse.receipts}
    writes.ledger = [row for posting in decision.postings for row in _ledger_rows(posting, receipts, told.now)]
    writes.events = [row for fact in decision.facts if (row := _event_row(hub, locked, after, fact, told))]
    writes.cases = [_case_row(note, after) for note in decision.cases]
    return writes


def _joined(was: Receipt | None, receipt: Receipt, after: Situation) -> bool:
    """Whether a receipt came to the order in this decision."""
    mine = after.order is not None and receipt.order_id == after.order.id
    return mine and (was is None or was.order_id != receipt.order_id)


def _write_states(writes: Writes, before: Situation, after: Situation, *, joined: int) -> None:
    if after.order is not None and (after.order != before.order or joined):
        order = after.order
        writes.order = {"id": order.id, "status": order.status, "version": order.version, "born": joined}
    writes.obligations = [
        {"id": item.id, "order_id": item.order_id, "attempt_id": item.attempt_id}
        for item, old in zip(after.obligations, before.obligations, strict=True)
        if item != old
    ]
    old_attempts = {attempt.id: attempt for attempt in before.attempts}
    writes.attempts = [
        {
            "id": attempt.id,
            "status": attempt.status,
            "last_contact_failed": attempt.last_contact_failed,
            "held": 0,
        }
        for attempt in after.attempts
        if attempt != old_attempts.get(attempt.id)
    ]


def _write_receipt(writes: Writes, was: Receipt | None, receipt: Receipt, told: Told) -> None:
    row = {name: getattr(receipt, name) for name in _RECEIPT_COLUMNS}
    row["bank_txn_id"] = told.bank_txn_id if was is None else None
    writes.receipts.append(row)
    old_slices = set(was.slices) if was else set()
    writes.slices += [
        {
            "receipt_id": receipt.id,
            "order_id": piece.order_id,
            "line_no": piece.line_no,
            "beneficiary": piece.beneficiary,
            "code": piece.code,
            "live_vnd": piece.live_vnd,
            "disbursed_vnd": piece.disbursed_vnd,
        }
        for piece in receipt.slices
        if piece not in old_slices
    ]
    old_refunds = set(was.refunds) if was else set()
    writes.refunds += [
        {name: getattr(refund, name) for name in _REFUND_COLUMNS}
        for refund in receipt.refunds
        if refund not in old_refunds
    ]


_RECEIPT_COLUMNS = (
    "id", "key", "bank", "merchant", "home", "account", "order_id", "attempt_id", "amount_vnd", "free_vnd",
    "refund_due_vnd", "taken_back_vnd", "taken_back_by", "claim_vnd", "dispute_vnd", "settled", "holder", "blocked",
    "reason", "conflict", "received_at", "value_date", "recoveries",
)  # fmt: skip
_REFUND_COLUMNS = (
    "id", "due_vnd", "status", "line_no", "legs", "body_paid_vnd", "consented", "route", "void", "unknown", "seen",
)  # fmt: skip


def _ledger_rows(posting: Posting, receipts: dict[str, Receipt], now: datetime) -> list[dict[str, Any]]:
    booked_on = now.astimezone(VIETNAM).date()
    return [_ledger_row(posting, n, entry, receipts, booked_on) for n, entry in enumerate(posting.entries)]


def _ledger_row(
    posting: Posting, n: int, entry: Entry, receipts: dict[str, Receipt], booked_on: date
) -> dict[str, Any]:
    """One entry with its dimensions: cash has the bank's value date, everything else the day it is booked."""
    receipt = receipts.get(entry.receipt_id or "")
    account = entry.account
    return {
        "key": posting.key,
        "n": n,
        "rule": posting.rule,
        "account": account,
        "amount_vnd": entry.amount_vnd,
        "receipt_id": entry.receipt_id,
        "refund_id": entry.refund_id,
        "batch_id": entry.batch_id,
        "order_id": entry.order_id or None,
        "line_no": entry.line_no,
        "beneficiary": entry.beneficiary,
        "code": entry.code,
        "holder": account.split(":", 1)[1].removesuffix(_HELD) if account.endswith(_HELD) else None,
        "bank": posting.bank,
        "merchant": posting.merchant,
        "value_date": receipt.value_date if receipt is not None and posting.rule in _BORN_RULES else booked_on,
    }


def _event_row(hub: Hub, locked: Locked, after: Situation, fact: Fact, told: Told) -> dict[str, Any] | None:
    order = after.order
    if order is None:
        return None
    event_id = new_id()
    data = order_view(
        msgspec.json.decode(locked.face),
        order,
        after.purse,
        origin=hub.settings.origin,
        token_key=token_key(hub),
        applied_at=locked.applied_at,
    )
    data["event_id"] = public_id("evt", event_id)
    if fact.type == "money.unapplied" and fact.receipt_id:
        data["money"] = money_view(after.purse[fact.receipt_id], told.bank_txn_id)
    if fact.refund_id:
        data["refund"] = refund_view(next(r for r in after.purse.refunds if r.id == fact.refund_id))
    body = msgspec.json.encode({"type": fact.type, "timestamp": instant(told.now), "data": data}).decode()
    return {
        "id": event_id,
        "key": fact.key,
        "portal_id": order.portal_id,
        "order_id": order.id,
        "type": fact.type,
        "body": body,
    }


def _case_row(note: CaseNote, after: Situation) -> dict[str, Any]:
    return {
        "kind": note.kind,
        "key": note.key,
        "detail": note.detail,
        "receipt_id": note.receipt_id,
        "attempt_id": note.attempt_id,
        "order_id": after.order.id if after.order else None,
    }


def evidence_row(bank: str, item: Evidence, *, authority: int, attempt_id: str | None, told: Told) -> dict[str, Any]:
    """Evidence as kept; its key is its content, so that the same word twice is one row."""
    body = msgspec.json.encode(item)
    kind = type(item).__name__
    content = msgspec.json.decode(body)
    content.pop("occurred_at", None)
    key = f"{kind}|{authority}|" + "|".join(f"{name}={content[name]}" for name in sorted(content))
    return {
        "bank": bank,
        "key": key,
        "kind": kind,
        "authority": authority,
        "attempt_id": attempt_id,
        "body": msgspec.Raw(body),
        "digest": told.digest.hex() if told.digest else None,
    }
