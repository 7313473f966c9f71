"""The ordered passes of matching: what each compares, how sure it is and what it tells a person.

The first three are relational and take the clean rows of files of any size; the rest look at what is left. A pass
confirms only what agrees to the đồng; whatever differs is a break, and whatever merely fits is a suggestion.
"""

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["confirmed", "suggested"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """`confidence` in percent; `evidence` is what a person reads beside the match."""

    name: str
    confidence: int
    evidence: str


REFERENCE_AND_TRANSACTION: Final = Pass(
    name="reference_and_transaction",
    confidence=100,
    evidence="same reference, bank transaction, kind, amount and status; one row on each side",
)
REFERENCE: Final = Pass(
    name="reference",
    confidence=99,
    evidence="same reference, kind, amount and status; one row on each side",
)
TRANSACTION: Final = Pass(
    name="bank_transaction",
    confidence=99,
    evidence="same bank transaction, kind, amount and status; one row on each side",
)
ALIAS: Final = Pass(name="alias", confidence=98, evidence="the bank's id is an alias of the transaction we booked")
SPLIT: Final = Pass(name="split", confidence=97, evidence="several lines of one reference add up to the row we booked")
BATCH: Final = Pass(name="batch", confidence=97, evidence="one credit is the sum of its rows, gross or net of its fee")
VIRTUAL_ACCOUNT: Final = Pass(
    name="virtual_account", confidence=95, evidence="paid into the virtual account of this reference alone"
)
MEMO_CODE: Final = Pass(
    name="memo_code", confidence=93, evidence="the transfer's text names this reference, bank words and accents folded"
)
MOMENT: Final = Pass(
    name="amount_and_moment",
    confidence=90,
    evidence="no reference; same amount within two minutes, and no other candidate within a day on either side",
)
AMOUNT_AND_WINDOW: Final = Pass(
    name="amount_and_window",
    confidence=60,
    evidence="no reference; same amount within two days, and no other candidate on either side: a person decides",
)
DIFFERS: Final = Pass(
    name="differs", confidence=80, evidence="the same payment by its ids, with a difference: see the break"
)
CREDIT: Final = Pass(
    name="net_credit", confidence=97, evidence="one net credit of the third file is the sum of its lines less fees"
)

PASSES: Final = (
    REFERENCE_AND_TRANSACTION,
    REFERENCE,
    TRANSACTION,
    BATCH,
    ALIAS,
    SPLIT,
    VIRTUAL_ACCOUNT,
    MEMO_CODE,
    MOMENT,
    AMOUNT_AND_WINDOW,
    DIFFERS,
    CREDIT,
)
