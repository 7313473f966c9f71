"""Payment orders as ISO 20022 pain.001.001.09 (customer credit transfer initiation, version 09 of 2019).

Built with lxml, so text is escaped by the library; before it leaves, a message is read again and its counts, sums and
ids compared with what was asked for. Amounts are whole đồng of currency VND.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from lxml import etree

from paygw.kernel.errors import Alarm, Refused

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
PAYMENTS_MAX: Final = 10_000
_ID: Final = re.compile(r"[A-Za-z0-9/?:().,'+ -]{1,35}")
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_NAME_MAX: Final = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A name, an account number and its bank: a BIC, or the member id of the clearing system."""

    name: str
    account: str
    bank: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One payment order. `remittance` is at most 140 characters; it names no citizen."""

    end_to_end_id: str
    amount_vnd: int
    to: Party
    remittance: str


def build(
    message_id: str, transfers: Sequence[Transfer], *, debtor: Party, made_at: datetime, on: date, initiator: str
) -> bytes:
    """The message. Raises Refused `invalid_value` for a field the standard does not take."""
    _check(message_id, transfers, debtor)
    total_vnd = sum(one.amount_vnd for one in transfers)
    document = etree.fromstring(f'<Document xmlns="{NAMESPACE}"/>')
    root = _sub(document, "CstmrCdtTrfInitn")
    header = _sub(root, "GrpHdr")
    _sub(header, "MsgId", message_id)
    _sub(header, "CreDtTm", made_at.isoformat(timespec="seconds"))
    _sub(header, "NbOfTxs", str(len(transfers)))
    _sub(header, "CtrlSum", str(total_vnd))
    _sub(_sub(header, "InitgPty"), "Nm", initiator[:_NAME_MAX])
    payment = _sub(root, "PmtInf")
    _sub(payment, "PmtInfId", message_id)
    _sub(payment, "PmtMtd", "TRF")
    _sub(payment, "NbOfTxs", str(len(transfers)))
    _sub(payment, "CtrlSum", str(total_vnd))
    _sub(_sub(payment, "ReqdExctnDt"), "Dt", on.isoformat())
    _sub(_sub(payment, "Dbtr"), "Nm", debtor.name[:_NAME_MAX])
    own = _account(payment, "DbtrAcct", debtor.account)
    _sub(own, "Ccy", "VND")
    _agent(payment, "DbtrAgt", debtor.bank)
    for one in transfers:
        _transfer(payment, one)
    made: bytes = etree.tostring(document, xml_declaration=True, encoding="UTF-8")
    _verify(made, message_id, transfers)
    return made


def _transfer(payment: etree._Element, one: Transfer) -> None:
    order = _sub(payment, "CdtTrfTxInf")
    _sub(_sub(order, "PmtId"), "EndToEndId", one.end_to_end_id)
    _sub(_sub(order, "Amt"), "InstdAmt", str(one.amount_vnd)).set("Ccy", "VND")
    _agent(order, "CdtrAgt", one.to.bank)
    _sub(_sub(order, "Cdtr"), "Nm", one.to.name[:_NAME_MAX])
    _account(order, "CdtrAcct", one.to.account)
    _sub(_sub(order, "RmtInf"), "Ustrd", one.remittance)


def _account(parent: etree._Element, name: str, number: str) -> etree._Element:
    account = _sub(parent, name)
    _sub(_sub(_sub(account, "Id"), "Othr"), "Id", number)
    return account


def _agent(parent: etree._Element, name: str, bank: str) -> None:
    institution = _sub(_sub(parent, name), "FinInstnId")
    if _BIC.fullmatch(bank):
        _sub(institution, "BICFI", bank)
    else:
        _sub(_sub(institution, "ClrSysMmbId"), "MmbId", bank)


def _sub(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    made = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    made.text = text
    return made


def _check(message_id: str, transfers: Sequence[Transfer], debtor: Party) -> None:
    if not 0 < len(transfers) <= PAYMENTS_MAX:
        raise Refused("invalid_value", f"A message holds 1 to {PAYMENTS_MAX} payments.")
    ids = [one.end_to_end_id for one in transfers]
    wrong = [text for text in (message_id, *ids) if not _ID.fullmatch(text)]
    if wrong or len(set(ids)) != len(ids):
        raise Refused("invalid_value", "An id of a payment has 1 to 35 plain characters and is there once.")
    for party in (debtor, *(one.to for one in transfers)):
        if not (party.name.strip() and 0 < len(party.account) <= 34 and 0 < len(party.bank) <= 35):  # noqa: PLR2004 - the standard's
            raise Refused("invalid_value", "A party has a name, an account of at most 34 characters and a bank.")
    for one in transfers:
        if one.amount_vnd <= 0 or not 0 < len(one.remittance) <= _NAME_MAX:
            raise Refused("invalid_value", "A payment has an amount above zero and a text of 1 to 140 characters.")


def _verify(made: bytes, message_id: str, transfers: Sequence[Transfer]) -> None:
    """Read it as a stranger would. Raises Alarm when it does not say what was asked for."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(made, parser)
    amounts = [int(text) for text in _texts(root, "InstdAmt")]
    ids, accounts = _texts(root, "EndToEndId"), _texts(root, "CdtrAcct", "Id", "Othr", "Id")
    sums = {int(text) for text in _texts(root, "CtrlSum")}
    wanted = [(one.end_to_end_id, one.amount_vnd, one.to.account) for one in transfers]
    if list(zip(ids, amounts, accounts, strict=True)) != wanted or sums != {sum(amounts)}:
        raise Alarm(f"payment message {message_id} does not say what was decided")


def _texts(root: etree._Element, *path: str) -> list[str]:
    """The text of every element at the end of a path, in the order of the document."""
    return [found.text or "" for found in root.iterfind(".//" + "/".join(f"{{{NAMESPACE}}}{name}" for name in path))]
