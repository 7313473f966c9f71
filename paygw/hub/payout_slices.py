"""Batches of slices (row 22), and of what came back of them and goes again (row 23): to the payees, by budget code."""

from datetime import date
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import msgspec
from asyncpg import Connection

from paygw.hub.disbursement import Place, confirm_instruction, disburse_slice, reinstruct, return_instruction
from paygw.hub.finance import View
from paygw.hub.hub import Hub
from paygw.hub.locking import hold_receipts
from paygw.hub.payees import Bodies, into_budget, payee_name
from paygw.hub.payment_orders import STATES, Content, News, OrderKind, PaymentOrder, State, budget_codes
from paygw.hub.persons import TwoPersons
from paygw.hub.settlement import SliceName
from paygw.kernel.errors import Refused
from paygw.kernel.posting import h_bank
from paygw.outside.pain001 import Party
from paygw.store import payouts as store
from paygw.store.payouts import Payee
from paygw.store.settlement import lock_account

SLICES_MAX: Final = 2_000  # of one batch: it is decided and posted in one transaction
_TEXT_MAX: Final = 140


async def slices_due(
    connection: Connection, account: str, bodies: Bodies, *, beneficiary: str | None, until: date
) -> View:
    """Everything that can leave an account. Raises Refused: `nothing_selected`, `payee_missing`."""
    found = await store.payable(connection, account, beneficiary=beneficiary, until=until, limit=SLICES_MAX)
    if not found:
        raise Refused("nothing_selected", "Nothing of that account can be paid out: see paygw disburse due.")
    slices = [
        {"no": no, **{k: v for k, v in msgspec.to_builtins(one).items() if k != "value_date"}}
        for no, one in enumerate(found, start=1)
    ]
    return {"account": account, **await _with_payees(connection, bodies, slices)}


async def slices_again(connection: Connection, batch: Content, group: int, bodies: Bodies) -> View:
    """What of one order came back, to the payee's account as it is now. Raises Refused: `disbursement_state`."""
    order = _order(_orders_of(batch), group)
    beneficiary, code = order.facts["beneficiary"], order.facts["code"]
    left = await store.came_back(connection, UUID(batch["batch"]), beneficiary, code)
    if not left:
        raise Refused("disbursement_state", "Nothing of this payment order came back and is still there.")
    slices = [{**msgspec.to_builtins(one), "no": no, "of_no": one.no} for no, one in enumerate(left, start=1)]
    return {"account": batch["account"], "of": batch["batch"], **await _with_payees(connection, bodies, slices)}


async def _with_payees(connection: Connection, bodies: Bodies, slices: list[View]) -> View:
    """The slices, each with the name of its payee where that is not just its owner's, and the payees themselves."""
    known = await store.read_payees(connection)
    named = [(payee_name(bodies, known, one["beneficiary"], one["code"]), one) for one in slices]
    missing = sorted({name for name, _ in named} - known.keys())
    if missing:
        raise Refused("payee_missing", f"Say where their money goes (paygw disburse payee): {', '.join(missing)}.")
    return {
        "payees": {name: _destination(known[name]) for name in sorted({name for name, _ in named})},
        "slices": [one if name == one["beneficiary"] else one | {"payee": name} for name, one in named],
    }


def _destination(payee: Payee) -> View:
    names = ("name", "account", "bank_code", "treasury_unit", "collecting_office")
    return {name: getattr(payee, name) for name in names}


async def _post_slices(hub: Hub, connection: Connection, content: Content, persons: TwoPersons) -> None:
    await _require_same_payees(hub, connection, content)
    await hold_receipts(connection, sorted({one["receipt_id"] for one in content["slices"]}))
    for one in content["slices"]:
        name = SliceName(
            receipt_id=one["receipt_id"], line_no=one["line_no"], beneficiary=one["beneficiary"], code=one["code"]
        )
        made = await disburse_slice(hub, Place(batch_id=content["batch"], no=one["no"]), name, persons=persons)
        _require_amount(made.amount_vnd, one)


async def _post_again(hub: Hub, connection: Connection, content: Content, persons: TwoPersons) -> None:
    await _require_same_payees(hub, connection, content)
    for one in content["slices"]:
        came_back = Place(batch_id=content["of"], no=one["of_no"])
        made = await reinstruct(hub, came_back, to=Place(batch_id=content["batch"], no=one["no"]), persons=persons)
        _require_amount(made.amount_vnd, one)


async def _require_same_payees(hub: Hub, connection: Connection, content: Content) -> None:
    now = await _with_payees(connection, hub.registry.bodies, content["slices"])
    told = {"payees": content["payees"], "slices": content["slices"]}
    if now != told:
        raise Refused("stale_version", "A payee's account was changed since: propose the batch again.")


def _require_amount(made_vnd: int, one: View) -> None:
    if made_vnd != one["amount_vnd"]:
        raise Refused("stale_version", "A slice has another amount now: propose the batch again.")


async def _tell(hub: Hub, connection: Connection, content: Content, order: PaymentOrder, news: News) -> None:
    """Row 23 for every slice of an order. Raises Refused `disbursement_state` for one that went another way."""
    await lock_account(connection, h_bank(content["account"]))
    act, before = _NEWS[news]
    stands = await _places(connection, content, order)
    if not any(stands[state] for state in (*before, news)):
        raise Refused("disbursement_state", "This payment order came back: it is sent again as a batch of its own.")
    for no in (no for state in before for no in stands[state]):
        await act(hub, Place(batch_id=content["batch"], no=no))


_NEWS: Final[dict[News, tuple[Any, tuple[State, ...]]]] = {
    "confirmed": (confirm_instruction, ("sent",)),
    "returned": (return_instruction, ("sent", "confirmed")),
}


async def _places(connection: Connection, content: Content, order: PaymentOrder) -> dict[State, list[int]]:
    uid, beneficiary, code = UUID(content["batch"]), order.facts["beneficiary"], order.facts["code"]
    return {state: await store.places_of(connection, uid, beneficiary, code, state) for state in STATES}


async def _states(connection: Connection, content: Content, order: PaymentOrder) -> dict[State, int]:
    return {state: len(places) for state, places in (await _places(connection, content, order)).items()}


def _orders(_: Hub, content: Content) -> list[PaymentOrder]:
    return _orders_of(content)


def _orders_of(content: Content) -> list[PaymentOrder]:
    """One payment order per payee and budget code, in the order of the slices."""
    by = groupby(content["slices"], key=lambda one: (one["beneficiary"], one["code"]))
    groups = [(beneficiary, code, tuple(slices)) for (beneficiary, code), slices in by]
    return [
        _order_to(no, beneficiary, code, slices, content["payees"][slices[0].get("payee", beneficiary)])
        for no, (beneficiary, code, slices) in enumerate(groups, start=1)
    ]


def _order_to(no: int, beneficiary: str, code: str, slices: tuple[View, ...], payee: View) -> PaymentOrder:
    return PaymentOrder(
        group=no,
        amount_vnd=sum(one["amount_vnd"] for one in slices),
        to=Party(name=payee["name"], account=payee["account"], bank=payee["bank_code"]),
        remittance=_remittance(beneficiary, payee, code, len(slices)),
        facts={"beneficiary": beneficiary, "code": code, "slices": len(slices), **payee},
        pieces=slices,
    )


def _order(orders: list[PaymentOrder], number: int) -> PaymentOrder:
    if not 0 < number <= len(orders):
        raise Refused("not_found", f"The batch has payment orders 1 to {len(orders)}.")
    return orders[number - 1]


def _remittance(beneficiary: str, payee: View, code: str, count: int) -> str:
    """C1-02/NS in one line: chương, tiểu mục, ĐBHC, mã QHNS, cơ quan thu, KBNN; no citizen is named.

    Only the treasury's money is paid into the budget; an agency gets its share of phí.
    """
    chapter, item, area, unit = budget_codes(code)
    codes = f"C:{chapter} TM:{item} DBHC:{area} QHNS:{unit}"
    if not into_budget(beneficiary):
        return f"CHUYEN PHI LE PHI {codes} {count} KHOAN"[:_TEXT_MAX]
    text = f"NOP NSNN {codes} CQT:{payee['collecting_office'] or '-'}"
    return f"{text} KBNN:{payee['treasury_unit'] or '-'} {count} KHOAN"[:_TEXT_MAX]


SLICES: Final = OrderKind(orders=_orders, post=_post_slices, tell=_tell, states=_states)
AGAIN: Final = OrderKind(orders=_orders, post=_post_again, tell=_tell, states=_states)
