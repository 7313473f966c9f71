"""Which column of a table stands where: header cells by the aliases of a profile, also bilingual and in two rows."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Final

from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile import Column, Profile
from reconciliation.statements.rows import Row
from reconciliation.statements.text import fold, fold_case
from reconciliation.statements.values import Cell

Header = dict[Column, int]

# `Ghi nợ/Debit`, `Ghi nợ (VND)`, two languages below each other. Money beside a name must be ours.
_PARTS: Final = re.compile(r"[/\\()\n|]| - ")
_OURS: Final = frozenset({"vnd", "dong", "d", "dong viet nam"})


def wanted_columns(profile: Profile) -> set[Column]:
    """What a header must have to be one."""
    amounts: set[Column] = {"amount_vnd"} if "amount_vnd" in profile.columns else {"debit_vnd", "credit_vnd"}
    when: set[Column] = {"booked_at"} if "booked_at" in profile.columns else {"value_date"}
    return amounts | when | set(profile.required)


def find_columns(row: Row, profile: Profile, *, strict: bool = False) -> Header:
    """The columns a row names. A cell as it is written comes before one that is the same but for its diacritics.

    Raises BadFile `header_repeated` if `strict` and two cells name one column equally well.
    """
    exact, folded = _aliases(tuple((name, alias) for name, aliases in profile.columns.items() for alias in aliases))
    ranks: dict[Column, list[tuple[int, int]]] = {}
    for place, cell in enumerate(row.cells):
        if isinstance(cell, str) and cell:
            for rank, (aliases, spelled) in enumerate(((exact, fold_case), (folded, fold))):
                column = _named(cell, aliases, spelled)
                if column is not None:
                    ranks.setdefault(column, []).append((rank, place))
                    break
    found: Header = {}
    for column, ranked in ranks.items():
        best, place = min(ranked)
        if strict and [rank for rank, _ in ranked].count(best) > 1:
            raise BadFile("header_repeated", row.line, column=str(row.cells[place]))
        found[column] = place
    return found


def header_of(before: Row | None, row: Row, profile: Profile) -> tuple[Header, Row] | None:
    """Columns and cells, if this row, or this row under the one before, is the header (`Số tiền` above `Nợ | Có`)."""
    wanted = wanted_columns(profile)
    tried = [row] if before is None else [row, _joined(before, row)]
    for one in tried:
        if wanted <= find_columns(one, profile).keys():
            return find_columns(one, profile, strict=True), one
    return None


def has_header(rows: list[Row], profile: Profile) -> bool:
    """Whether one of the first rows is the header."""
    befores: list[Row | None] = [None, *rows]
    return any(header_of(before, row, profile) is not None for before, row in zip(befores, rows, strict=False))


def columns_found(rows: list[Row], profile: Profile) -> int:
    """The most columns that a row, alone or under the one before, names."""
    joined = [_joined(before, row) for before, row in pairwise(rows)]
    return max((len(find_columns(row, profile)) for row in (*rows, *joined)), default=0)


def _joined(above: Row, below: Row) -> Row:
    width = max(len(above.cells), len(below.cells))
    upper, lower = (one.cells + ("",) * (width - len(one.cells)) for one in (above, below))
    cells: tuple[Cell, ...] = tuple(under if under != "" else over for over, under in zip(upper, lower, strict=True))
    return Row(below.line, cells)


def _named(cell: str, aliases: dict[str, Column], spelled: Callable[[str], str]) -> Column | None:
    whole = aliases.get(spelled(cell))
    if whole is not None:
        return whole
    parts = [part for part in map(str.strip, _PARTS.split(cell)) if part]
    names = {aliases.get(spelled(part)) for part in parts if fold(part) not in _OURS}
    return names.pop() if len(names) == 1 and len(parts) > 1 else None


@lru_cache(maxsize=64)
def _aliases(pairs: tuple[tuple[Column, str], ...]) -> tuple[dict[str, Column], dict[str, Column]]:
    return {fold_case(alias): name for name, alias in pairs}, {fold(alias): name for name, alias in pairs}
