"""What makes a line the same line in a file sent again, and a statement the same statement however it is written."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from reconciliation.statements.staged import StagedLine, Statement

_KEY_BYTES: Final = 16


def line_keys(lines: Sequence[StagedLine]) -> list[str]:
    """A key per line: kind and bank reference, else what the line says; equal ones are told apart by their order."""
    seen: Counter[str] = Counter()
    keys: list[str] = []
    for line in lines:
        base = f"{line.kind}:{line.bank_txn_id}" if line.bank_txn_id else f"{line.kind}:={_said(line)}"
        seen[base] += 1
        keys.append(base if seen[base] == 1 else f"{base}#{seen[base]}")
    return keys


def content_hash(statement: Statement) -> str:
    """The same for two files that say the same, in whatever format, order of columns or encoding."""
    said = msgspec.json.encode(
        (
            statement.kind,
            statement.account,
            statement.day,
            statement.part,
            statement.opening_vnd,
            statement.closing_vnd,
            [_facts(line) for line in statement.lines],
        )
    )
    return sha256(said).hexdigest()


def _said(line: StagedLine) -> str:
    return sha256(msgspec.json.encode(_facts(line))).digest()[:_KEY_BYTES].hex()


def _facts(line: StagedLine) -> tuple[object, ...]:
    """Everything but where it stands in the file and the running balance."""
    return (
        line.bank_txn_id,
        line.ref,
        line.kind,
        line.direction,
        line.amount_vnd,
        line.fee_vnd,
        line.status,
        line.booked_at,
        line.value_date,
        line.settled_on,
        line.memo,
        line.virtual_account,
    )
