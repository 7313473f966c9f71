"""Control totals and balances: what a file says of itself must be what its lines make."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import Direction, StagedLine, Statement


def check_totals(statement: Statement, sums: Mapping[Direction, int | None]) -> None:
    """Number of lines, sums of amounts, fees, credits and debits, each where the file says it. Raises BadFile."""
    lines = statement.lines
    found = {
        "lines": (statement.said_lines, len(lines)),
        "total_vnd": (statement.said_vnd, sum(line.amount_vnd for line in lines)),
        "fee_vnd": (statement.said_fee_vnd, sum(line.fee_vnd or 0 for line in lines)),
    }
    for direction, said in sums.items():
        found[f"{direction}_vnd"] = (said, sum(one.amount_vnd for one in lines if one.direction is direction))
    for name, (said, made) in found.items():
        if said is not None and abs(said) != made:
            raise BadFile("control_total", name=name, said=said, found=made)


def check_balances(statement: Statement) -> Statement:
    """Running balances line by line, in the file's order or its reverse; opening + entries = closing.

    Returns the statement with the opening and closing balance that its running balances show. Raises BadFile.
    """
    opening, closing = statement.opening_vnd, statement.closing_vnd
    running = [line for line in statement.lines if line.balance_vnd is not None]
    if running and len(running) == len(statement.lines):
        ordered = _in_order(running)
        first = ordered[0]
        began = (first.balance_vnd or 0) - _signed(first)
        opening = began if opening is None else opening
        closing = ordered[-1].balance_vnd if closing is None else closing
        if began != opening:
            raise BadFile("balance_step", first.line, found=opening + _signed(first), said=first.balance_vnd or 0)
    if opening is not None and closing is not None and opening + statement.net_vnd != closing:
        raise BadFile("balance", found=opening + statement.net_vnd, said=closing)
    return replace(statement, opening_vnd=opening, closing_vnd=closing)


def _in_order(lines: list[StagedLine]) -> list[StagedLine]:
    """Oldest first. Raises BadFile `balance_step` at the first line that fits neither order."""
    broken = _broken(lines)
    if broken is None:
        return lines
    newest_first = lines[::-1]
    if _broken(newest_first) is None:
        return newest_first
    before, line = broken
    raise BadFile(
        "balance_step", line.line, found=(before.balance_vnd or 0) + _signed(line), said=line.balance_vnd or 0
    )


def _broken(lines: list[StagedLine]) -> tuple[StagedLine, StagedLine] | None:
    for before, line in pairwise(lines):
        if (before.balance_vnd or 0) + _signed(line) != line.balance_vnd:
            return before, line
    return None


def _signed(line: StagedLine) -> int:
    return line.amount_vnd if line.direction is Direction.CREDIT else -line.amount_vnd
