"""Refunds by bank transfer (rows 10 to 11): to an account the payer named, for what its channel cannot carry back.

Name and account of a citizen are personal: in the batch they stand sealed, bound to their place in it. The hash that an
approval is bound to covers the sealed text, which opens to nothing else.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from asyncpg import Connection
from msgspec import Meta

from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.locking import hold_receipts, lock_receipt
from paygw.hub.payment_orders import Content, News, OrderKind, PaymentOrder, State
from paygw.hub.persons import TwoPersons
from paygw.hub.refund_sending import instruct_refund, tell_refund
from paygw.hub.refunds import lock_live_refund
from paygw.kernel.errors import Alarm, Refused
from paygw.kernel.evidence import RefundNewsStatus
from paygw.kernel.receipts import Refund, RefundStatus, find_refund
from paygw.kernel.refs import private_id, public_id
from paygw.kernel.refunds import failed_by_channel
from paygw.outside.pain001 import Party
from paygw.store.refunds import RefundRow, read_refund

REFUNDS_MAX: Final = 500  # of one batch
_S: Final = RefundStatus


class Payee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a refund goes, as the payer asked in writing (`claim`: number and date of the letter)."""

    name: Annotated[str, Meta(min_length=1, max_length=140)]
    account: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{4,34}$")]
    bank_code: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{4,35}$")]
    claim: Annotated[str, Meta(min_length=1, max_length=200)]


def payee_of(**given: str) -> Payee:
    """A payee as people type it. Raises Refused `invalid_value`."""
    try:
        return msgspec.convert(given, Payee)
    except msgspec.ValidationError as error:
        raise Refused("invalid_value", f"{error}. An account has 4 to 34 digits and letters.") from None


@dataclass(frozen=True, slots=True)
class TransferAsk:
    """A funded refund (`rfd_…`) and where it shall go."""

    refund_id: str
    to: Payee


async def refunds_to_pay(hub: Hub, connection: Connection, batch_id: str, asks: Sequence[TransferAsk]) -> View:
    """What a batch holds. Raises Refused: `refund_route`, `refund_state`, `receipt_not_settled`, `invalid_value`."""
    if hub.settings.funds != "custody":
        raise Refused("refund_route", "In routing mode the holder pays refunds: the hub holds no account.")
    if not 0 < len(asks) <= REFUNDS_MAX or len({ask.refund_id for ask in asks}) != len(asks):
        raise Refused("invalid_value", f"A batch holds 1 to {REFUNDS_MAX} refunds, each once.")
    rows = [await _read(connection, ask.refund_id) for ask in asks]
    await hold_receipts(connection, sorted({row.refund.receipt_id for row in rows}))
    found = [await _payable(hub, connection, row) for row in rows]
    accounts = sorted({account for _, _, account in found})
    if len(accounts) != 1:
        raise Refused("invalid_value", f"These refunds leave several accounts, each in a batch: {', '.join(accounts)}.")
    refunds = [
        {
            "no": no,
            "refund_id": row.refund.id,
            "receipt_id": row.refund.receipt_id,
            "ref": row.ref,
            "amount_vnd": refund.sendable_vnd,
            "to": _seal(hub, batch_id, no, ask.to),
        }
        for no, (ask, (row, refund, _)) in enumerate(zip(asks, found, strict=True), start=1)
    ]
    return {"account": accounts[0], "refunds": refunds}


async def _read(connection: Connection, refund_id: str) -> RefundRow:
    uid = private_id("rfd", refund_id)
    row = await read_refund(connection, uid) if uid else None
    if row is None:
        raise Refused("not_found", "There is no such refund here: paygw refund list shows them.")
    return row


async def _payable(hub: Hub, connection: Connection, row: RefundRow) -> tuple[RefundRow, Refund, str]:
    """The refund, its money, and the account it leaves."""
    receipt = (await lock_receipt(connection, row.refund.receipt_id)).situation.purse[row.refund.receipt_id]
    bank = hub.registry.banks.get(receipt.bank)
    carried = bank is not None and bank.connector.refund is not None and receipt.home == "provider"
    if bank is not None and carried and (row.by_channel or not failed_by_channel(receipt)):
        raise Refused("refund_route", f"{bank.id} carries its refunds back itself; they need no transfer.")
    refund = find_refund(receipt, row.refund.id)
    if refund.status is not _S.FUNDED:
        raise Refused("refund_state", f"The refund is {refund.status}; only a funded one is sent.")
    if not receipt.settled:
        raise Refused("receipt_not_settled", "A refund by transfer waits until the money has been settled to us.")
    return row, refund, receipt.account


async def _post(hub: Hub, connection: Connection, content: Content, persons: TwoPersons) -> None:
    await hold_receipts(connection, sorted({one["receipt_id"] for one in content["refunds"]}))
    for one in content["refunds"]:
        locked, row = await lock_live_refund(connection, one["refund_id"])
        refund = find_refund(locked.situation.purse[row.refund.receipt_id], row.refund.id)
        if refund.sendable_vnd != one["amount_vnd"]:
            raise Refused("stale_version", "A refund has another amount now: propose the batch again.")
        await instruct_refund(hub, refund.id, "transfer", persons=persons)


async def _tell(hub: Hub, connection: Connection, _: Content, order: PaymentOrder, news: News) -> None:
    """Row 10, 10b or 11, as the refund stands. Again is nothing."""
    refund_id = order.pieces[0]["refund_id"]
    row = (await lock_live_refund(connection, refund_id))[1]
    status = row.refund.status
    if status in _DONE[news]:
        return
    told = _NEWS.get((news, status))
    if told is None:
        raise Refused("refund_state", f"The refund of this payment order is {status}.")
    await tell_refund(hub, connection, refund_id, told)


_NEWS: Final[dict[tuple[News, RefundStatus], RefundNewsStatus]] = {
    ("confirmed", _S.SENDING): RefundNewsStatus.SUCCEEDED,
    ("returned", _S.SENDING): RefundNewsStatus.FAILED,
    ("returned", _S.SUCCEEDED): RefundNewsStatus.RETURNED,
}
_DONE: Final[dict[News, frozenset[RefundStatus]]] = {
    "confirmed": frozenset({_S.SUCCEEDED}),
    "returned": frozenset({_S.FAILED, _S.RETURNED}),
}
_STATE: Final[dict[RefundStatus, State]] = {
    _S.SENDING: "sent",
    _S.SUCCEEDED: "confirmed",
    _S.FAILED: "returned",
    _S.RETURNED: "returned",
}


async def _states(connection: Connection, _: Content, order: PaymentOrder) -> dict[State, int]:
    row = await read_refund(connection, order.pieces[0]["refund_id"])
    now = _STATE.get(row.refund.status) if row else None
    return {"sent": int(now == "sent"), "confirmed": int(now == "confirmed"), "returned": int(now == "returned")}


def _orders(hub: Hub, content: Content) -> list[PaymentOrder]:
    return [_order(one, _open(hub, content["batch"], one)) for one in content["refunds"]]


def _order(one: View, to: Payee) -> PaymentOrder:
    return PaymentOrder(
        group=one["no"],
        amount_vnd=one["amount_vnd"],
        to=Party(name=to.name, account=to.account, bank=to.bank_code),
        remittance=f"HOAN TRA PHI LE PHI {one['ref']}",
        facts={"refund_id": public_id("rfd", one["refund_id"]), "refund_ref": one["ref"], **msgspec.to_builtins(to)},
        pieces=(one,),
    )


def _seal(hub: Hub, batch_id: str, no: int, to: Payee) -> str:
    return b64encode(hub.vault.seal(msgspec.json.encode(to), where=_place(batch_id, no))).decode()


def _open(hub: Hub, batch_id: str, one: View) -> Payee:
    plain = hub.vault.open(b64decode(one["to"]), where=_place(batch_id, one["no"]))
    try:
        return msgspec.json.decode(plain, type=Payee)
    except msgspec.ValidationError as error:
        raise Alarm(f"payout {batch_id}:{one['no']} does not hold a payee") from error


def _place(batch_id: str, no: int) -> str:
    return f"payouts/{batch_id}/{no}"


REFUNDS: Final = OrderKind(orders=_orders, post=_post, tell=_tell, states=_states)
