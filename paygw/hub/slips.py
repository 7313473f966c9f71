"""C1-02/NS slips of a batch: for the orders that go to the treasury, beside the payment message of the bank."""

from asyncpg import Connection, Record

from paygw.hub.breaks import require_person
from paygw.hub.hub import Hub
from paygw.hub.payees import into_budget
from paygw.hub.payment_orders import PaymentOrder, budget_codes, end_to_end_id
from paygw.hub.payouts import batch_of, orders_of
from paygw.hub.persons import principal_of, tell_audit
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.outside.slips import Payer, Slip, SlipRow, slips_pdf


async def export_slips(hub: Hub, batch_id: str, *, by: str) -> bytes:
    """The slips as PDF/A; again gives the same bytes. Raises Refused: `payout_state`, `nothing_selected`."""

    async def work(connection: Connection) -> Record:
        await require_person(connection, by)
        row = await batch_of(connection, batch_id)
        if row["status"] not in {"approved", "exported"}:
            raise Refused("payout_state", "Only an approved batch has slips.")
        await tell_audit(connection, principal_of(by), "payout.slips", str(row["batch_id"]))
        return row

    row = await hub.transact(work)
    day = row["decided_at"].astimezone(VIETNAM)
    orders = [one for one in orders_of(hub, row) if into_budget(one.facts.get("beneficiary", ""))]
    orders = [one for one in orders if one.facts["treasury_unit"]]
    if not orders:
        raise Refused("nothing_selected", "No payment order of this batch goes to a treasury unit.")
    payer = Payer(
        name=hub.settings.operator_name,
        tax_code=hub.settings.operator_tax_code,
        address=hub.settings.operator_address,
        bank=hub.settings.operator_bank,
        account=row["account"],
        made_by=row["proposed_by"],
        checked_by=row["decided_by"],
    )
    slips = [_slip(hub, row, order, day.strftime("%d/%m/%Y")) for order in orders]
    batch = str(row["batch_id"])
    return slips_pdf(slips, payer=payer, batch=batch, content_hash=row["content_hash"], decided_at=day)


def _slip(hub: Hub, row: Record, order: PaymentOrder, day: str) -> Slip:
    codes = budget_codes(order.facts["code"])
    bodies = hub.registry.bodies.items()
    body = next((one for id_, one in bodies if codes.unit in {id_, one.budget_unit}), None)
    count = order.facts["slices"]
    number = end_to_end_id(row["batch_id"], order.group)
    line = SlipRow(
        reference=number,
        day=day,
        content=f"Phí, lệ phí thủ tục hành chính ({count} khoản)",
        amount_vnd=order.amount_vnd,
        chapter=codes.chapter,
        item=codes.item,
    )
    return Slip(
        number=number,
        treasury_name=order.to.name,
        treasury_unit=order.facts["treasury_unit"],
        account=order.to.account,
        at_bank=order.to.bank,
        office=order.facts["collecting_office"],
        office_name=body.name if body else "",
        area=codes.area,
        unit=codes.unit,
        rows=(line,),
    )
