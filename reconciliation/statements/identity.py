"""What makes a line the same line in a file sent again, in whatever format, order of columns or encoding."""

from collections import Counter
from hashlib import sha256
from typing import Final

import msgspec

from reconciliation.statements.staged import StagedLine

_KEY_BYTES: Final = 16


class LineKeys:
    """A key per line: kind and bank reference, else what the line says; equal ones are told apart by their order."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._again: Counter[str] = Counter()

    def key(self, line: StagedLine) -> str:
        """The key of the next line of a statement."""
        base = f"{line.kind}:{line.bank_txn_id}" if line.bank_txn_id else f"{line.kind}:={_said(line)}"
        if base not in self._seen:
            self._seen.add(base)
            return base
        self._again[base] += 1
        return f"{base}#{self._again[base] + 1}"


def _said(line: StagedLine) -> str:
    return sha256(msgspec.json.encode(facts_of(line))).digest()[:_KEY_BYTES].hex()


def facts_of(line: StagedLine) -> tuple[object, ...]:
    """What two files must say alike to say the same: all but place and running balance."""
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
