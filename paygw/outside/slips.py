"""Giấy nộp tiền vào NSNN (C1-02/NS, form 02 of Appendix I, Nghị định 347/2025) as PDF/A, one page per payment order.

Typeset by typst with the fonts it brings: the same slips give the same bytes. No citizen is named on them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

import msgspec
import typst

from paygw.kernel.words import amount_in_words

_TEMPLATE: Final = files("paygw.outside") / "slip.typ"
REVENUE_ACCOUNT: Final = "7111"  # budget revenue; another treasury account is one of temporary collection


class SlipRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a slip; `day` as it is printed."""

    reference: str
    day: str
    content: str
    amount_vnd: int
    chapter: str
    item: str


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """One payment into the budget: to which treasury unit, for which collecting office, under which codes."""

    number: str
    treasury_name: str
    treasury_unit: str
    account: str
    at_bank: str
    office: str
    office_name: str
    area: str
    unit: str
    rows: tuple[SlipRow, ...]

    @property
    def total_vnd(self) -> int:
        """Đồng."""
        return sum(row.amount_vnd for row in self.rows)


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays in, from which account, and the two persons who decided; '' leaves a dotted line."""

    name: str
    tax_code: str
    address: str
    bank: str
    account: str
    made_by: str
    checked_by: str


def slips_pdf(slips: Sequence[Slip], *, payer: Payer, batch: str, content_hash: str, decided_at: datetime) -> bytes:
    """The slips of a batch, in order. `decided_at` in the time of Vietnam is the day they bear."""
    day = decided_at.strftime("%d/%m/%Y")
    told = {
        "batch": batch,
        "hash": content_hash,
        "day": day,
        "payer": payer.name,
        **{name: getattr(payer, name) for name in ("tax_code", "address", "bank", "account", "made_by", "checked_by")},
        "slips": [_printed(slip) for slip in slips],
    }
    made: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"slips": msgspec.json.encode(told).decode()},
        pdf_standards="a-2b",
        timestamp=datetime(decided_at.year, decided_at.month, decided_at.day, tzinfo=UTC),
    )
    return made


def _printed(slip: Slip) -> dict[str, object]:
    fields = msgspec.structs.asdict(slip)
    rows = [msgspec.structs.asdict(row) | {"amount": _dong(row.amount_vnd)} for row in slip.rows]
    return {
        **fields,
        "rows": rows,
        "budget": slip.account.startswith(REVENUE_ACCOUNT),
        "total": _dong(slip.total_vnd),
        "in_words": amount_in_words(slip.total_vnd),
    }


def _dong(amount_vnd: int) -> str:
    return f"{amount_vnd:,}".replace(",", ".")
