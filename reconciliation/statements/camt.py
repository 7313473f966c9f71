"""ISO 20022 camt.053 (statement) and camt.054 (notification), versions 001.02 to 001.13: what is booked, no DTD.

Only entries with status BOOK move money. `CdtDbtInd` carries the sign also of reversals (`RvslInd`). An entry with
several transaction details becomes a line for each; their amounts must make the entry's.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Final, Literal, cast

from lxml import etree

from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import (
    CELL_CHARS_MAX,
    ROWS_MAX,
    VIETNAM,
    Direction,
    LineKind,
    StagedLine,
    Statement,
)
from reconciliation.statements.totals import check_totals, tallied
from reconciliation.statements.values import read_amount, read_moment

NO_REFERENCE: Final = frozenset({"", "NOTPROVIDED", "NONREF"})

_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.05[34]\.001\.(0[2-9]|1[0-3])")
_DECLARATION: Final = re.compile(r"\A\s*<\?xml[^>]*\?>")
_ENCODING: Final = re.compile(r"""\A\s*<\?xml[^>]*?encoding\s*=\s*["']([^"']{1,40})["']""")
_ASCII_LIKE: Final = ("us-ascii", "ascii", "iso-8859", "windows-125")
_FORBIDDEN: Final = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_BODIES: Final[dict[str, tuple[str, Literal["statement", "notification"]]]] = {
    "BkToCstmrStmt": ("Stmt", "statement"),
    "BkToCstmrDbtCdtNtfctn": ("Ntfctn", "notification"),
}
_OPENING: Final = ("OPBD", "PRCD", "ITBD")
_CLOSING: Final = ("CLBD", "ITBD")
_SIGNS: Final = {"CRDT": Direction.CREDIT, "DBIT": Direction.DEBIT}
_FAMILIES: Final = {
    ("CHRG", Direction.DEBIT): LineKind.FEE,
    ("COMM", Direction.DEBIT): LineKind.FEE,
    ("FEES", Direction.DEBIT): LineKind.FEE,
    ("INTR", Direction.CREDIT): LineKind.INTEREST,
    ("RRTN", Direction.CREDIT): LineKind.RETURN,
}
_DATES: Final = ("yyyy-MM-dd", "yyyy-MM-ddzz", "iso", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ss.fff",
    "yyyy-MM-ddTHH:mm:ss.fffzz")  # fmt: skip

_Node = etree._Element  # noqa: SLF001 - lxml's only name for the type


def read_camt(text: str, rows_max: int = ROWS_MAX) -> tuple[Statement, ...]:
    """Every statement or notification of a message, totals and balances checked. Raises BadFile."""
    body, (inside, kind) = _body(_tree(text))
    statements = tuple(_statement(node, kind) for node in _all(body, inside))
    if not statements:
        raise BadFile("xml_element", name=inside)
    if sum(len(one.lines) for one in statements) > rows_max:
        raise BadFile("rows", most=rows_max)
    return statements


def _tree(text: str) -> _Node:
    if found := _FORBIDDEN.search(text):
        raise BadFile("xml_dtd", text.count("\n", 0, found.start()) + 1)
    if (told := _ENCODING.match(text)) and not _is_true(told[1], text):
        raise BadFile("encoding", 1, declared=told[1])
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(_DECLARATION.sub("", text).encode(), parser)
    except etree.XMLSyntaxError as error:
        raise BadFile("xml", error.lineno or 1) from None


def _is_true(encoding: str, text: str) -> bool:
    """Whether what the declaration says of the encoding can be what was read."""
    name = encoding.lower()
    return name.startswith(("utf-8", "utf-16")) or (text.isascii() and name.startswith(_ASCII_LIKE))


def _body(root: _Node) -> tuple[_Node, tuple[str, Literal["statement", "notification"]]]:
    name = etree.QName(root)
    if name.localname == "Document" and _NAMESPACE.fullmatch(name.namespace or ""):
        for child in root:
            known = _BODIES.get(etree.QName(child).localname)
            if known is not None:
                return child, known
    raise BadFile("xml_kind", _line(root))


def _statement(node: _Node, kind: Literal["statement", "notification"]) -> Statement:
    account = _text(node, "Acct/Id/IBAN") or _text(node, "Acct/Id/Othr/Id")
    if not account:
        raise BadFile("account_missing", _line(node))
    currency = _text(node, "Acct/Ccy")
    if currency not in {"", "VND"}:
        raise BadFile("currency", _line(node), text=currency)
    lines: list[StagedLine] = []
    pending = 0
    for entry in _all(node, "Ntry"):
        status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
        if status == "BOOK":
            lines.extend(_lines(entry, account))
        elif status in {"PDNG", "INFO", "FUTR"}:
            pending += 1
        else:
            raise BadFile("word", _line(entry), column="Sts", text=status)
    opening, closing = _balance(node, _OPENING), _balance(node, _CLOSING[:1]) or _balance(node, _CLOSING[1:], last=True)
    if kind == "statement" and (opening is None or closing is None):
        raise BadFile("xml_element", _line(node), name="Bal (OPBD, CLBD)")
    statement = Statement(
        kind=kind,
        account=account,
        day=_day(node, closing, lines),
        part=(_text(node, "StmtPgntn/PgNb") and f"{_text(node, 'Id')}/{_text(node, 'StmtPgntn/PgNb')}")
        or _text(node, "Id"),
        number=_number(node, "ElctrncSeqNb"),
        opening_vnd=opening[0] if opening else None,
        closing_vnd=closing[0] if closing else None,
        pending=pending,
        lines=tuple(lines),
    )
    tally, statement = tallied(statement)
    if not pending:
        check_totals(*_summary(node, tally.totals()))
    return statement


def _summary(node: _Node, made: Mapping[str, int]) -> tuple[dict[str, int | None], dict[str, int]]:
    """What `TxsSummry` says of the entries, and what they make."""
    ways = {Direction.CREDIT: "TtlCdtNtries", Direction.DEBIT: "TtlDbtNtries"}
    entries = [_direction(entry) for entry in _all(node, "Ntry")]
    counts = {name: entries.count(way) for way, name in ways.items()} | {"TtlNtries": len(entries)}
    sums = {name: made[f"{way}_vnd"] for way, name in ways.items()}
    told = {f"{name}/NbOfNtries": _sum(node, f"TxsSummry/{name}/NbOfNtries") for name in counts}
    told |= {f"{name}/Sum": _sum(node, f"TxsSummry/{name}/Sum") for name in sums}
    found = {f"{name}/NbOfNtries": count for name, count in counts.items()}
    return told, found | {f"{name}/Sum": vnd for name, vnd in sums.items()}


def _lines(entry: _Node, account: str) -> Iterator[StagedLine]:
    amount_vnd, direction = _money(entry), _direction(entry)
    reversal = _text(entry, "RvslInd") in {"true", "1"}
    details = [part for group in _all(entry, "NtryDtls") for part in _all(group, "TxDtls")]
    booked_at, value_date = _when(entry, "BookgDt"), _when(entry, "ValDt")
    moment = booked_at or value_date
    if moment is None:
        raise BadFile("xml_element", _line(entry), name="BookgDt")
    parts = _parts(entry, details, amount_vnd)
    for place, (part, part_vnd) in enumerate(parts, 1):
        bank_txn_id = _text(part, "Refs/AcctSvcrRef") or _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
        if len(parts) > 1 and not _text(part, "Refs/AcctSvcrRef"):
            bank_txn_id = f"{bank_txn_id}#{place}"
        ref = _text(part, "Refs/EndToEndId")
        memo = " ".join(_texts(part, "RmtInf/Ustrd")) or _text(part, "AddtlTxInf") or _text(entry, "AddtlNtryInf")
        if len(memo) > CELL_CHARS_MAX:
            raise BadFile("cell_too_long", _line(part), most=CELL_CHARS_MAX)
        yield StagedLine(
            line=_line(part),
            account=account,
            bank_txn_id=bank_txn_id,
            ref="" if ref in NO_REFERENCE else ref,
            kind=_kind(entry, direction, reversal=reversal),
            direction=direction,
            amount_vnd=part_vnd,
            fee_vnd=None,
            status=Status.SUCCEEDED,
            booked_at=moment,
            value_date=(value_date or moment).astimezone(VIETNAM).date(),
            memo=" ".join(memo.split()),
            virtual_account=_text(part, "RltdPties/CdtrAcct/Id/Othr/Id") if direction is Direction.CREDIT else "",
        )


def _parts(entry: _Node, details: list[_Node], amount_vnd: int) -> list[tuple[_Node, int]]:
    """The transactions of an entry with their amounts; the entry itself where it has at most one."""
    said = {text for group in _all(entry, "NtryDtls") if (text := _text(group, "Btch/NbOfTxs"))}
    if details and len(said) == 1 and int(min(said)) != len(details):
        raise BadFile("control_total", _line(entry), name="Btch/NbOfTxs", said=min(said), found=len(details))
    if len(details) <= 1:
        return [(details[0] if details else entry, amount_vnd)]
    parts = [(part, _money(part if _find(part, "Amt") is not None else _at(part, "AmtDtls/TxAmt"))) for part in details]
    total = sum(part_vnd for _, part_vnd in parts)
    if total != amount_vnd:
        raise BadFile("batch_total", _line(entry), said=amount_vnd, found=total)
    return parts


def _kind(entry: _Node, direction: Direction, *, reversal: bool) -> LineKind:
    if reversal:
        return LineKind.REVERSAL if direction is Direction.DEBIT else LineKind.RETURN
    family = _text(entry, "BkTxCd/Domn/Fmly/SubFmlyCd")
    plain = LineKind.PAYMENT if direction is Direction.CREDIT else LineKind.DEBIT
    return _FAMILIES.get((family, direction), plain)


def _balance(node: _Node, codes: tuple[str, ...], *, last: bool = False) -> tuple[int, date | None] | None:
    found: list[tuple[int, date | None]] = []
    for code in codes:
        for balance in _all(node, "Bal"):
            if _text(balance, "Tp/CdOrPrtry/Cd") == code:
                sign = 1 if _direction(balance) is Direction.CREDIT else -1
                when = _when(balance, "Dt")
                found.append((sign * _money(balance, zero=True), when.astimezone(VIETNAM).date() if when else None))
        if found:
            break
    return (found[-1] if last else found[0]) if found else None


def _day(node: _Node, closing: tuple[int, date | None] | None, lines: list[StagedLine]) -> date:
    """The closing balance's day; of a notification the one day of its entries, else when it was made."""
    if closing is not None and closing[1] is not None:
        return closing[1]
    days = {line.booked_at.astimezone(VIETNAM).date() for line in lines}
    if len(days) == 1:
        return days.pop()
    made = _text(node, "CreDtTm")
    if not made:
        raise BadFile("day_missing", _line(node))
    return read_moment(made, _line(node), _DATES).astimezone(VIETNAM).date()


def _money(node: _Node, *, zero: bool = False) -> int:
    amount = _at(node, "Amt")
    currency = str(amount.get("Ccy", ""))
    if currency != "VND":
        raise BadFile("currency", _line(amount), text=currency)
    text = (amount.text or "").strip()
    vnd = read_amount(text, _line(amount), marks="plain")
    if vnd < 0 or (vnd == 0 and not zero):
        raise BadFile("amount_sign", _line(amount), text=text)
    return vnd


def _sum(node: _Node, path: str) -> int | None:
    text = _text(node, path)
    return read_amount(text, _line(node), marks="plain") if text else None


def _direction(node: _Node) -> Direction:
    text = _text(node, "CdtDbtInd")
    if text not in _SIGNS:
        raise BadFile("word", _line(node), column="CdtDbtInd", text=text)
    return _SIGNS[text]


def _when(node: _Node, name: str) -> datetime | None:
    text = _text(node, f"{name}/DtTm") or _text(node, f"{name}/Dt")
    return read_moment(text, _line(node), _DATES) if text else None


def _number(node: _Node, path: str) -> int:
    text = _text(node, path)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0  # noqa: PLR2004 - Max18Numeric


def _line(node: _Node) -> int:
    return cast("int | None", node.sourceline) or 1


def _all(node: _Node, name: str) -> list[_Node]:
    return [child for child in node if etree.QName(child).localname == name]


def _find(node: _Node, path: str) -> _Node | None:
    found: _Node | None = node
    for name in path.split("/"):
        found = next(iter(_all(found, name)), None) if found is not None else None
    return found


def _at(node: _Node, path: str) -> _Node:
    found = _find(node, path)
    if found is None:
        raise BadFile("xml_element", _line(node), name=path)
    return found


def _text(node: _Node, path: str) -> str:
    found = _find(node, path)
    return (found.text or "").strip() if found is not None else ""


def _texts(node: _Node, path: str) -> list[str]:
    above, _, name = path.rpartition("/")
    found = _find(node, above)
    return [(one.text or "").strip() for one in _all(found, name)] if found is not None else []
