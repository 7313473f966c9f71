"""The one way in: bytes and a profile to a checked file. Pure; hostile bytes are read in a process of their own."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Final, assert_never

from reconciliation.statements.camt import read_camt
from reconciliation.statements.errors import BadFile
from reconciliation.statements.mt940 import read_mt940
from reconciliation.statements.profile import PROFILE_BYTES_MAX, Profile, is_name, read_profile
from reconciliation.statements.staged import StagedFile, StagedLine, Statement, with_lines
from reconciliation.statements.table import Given, read_delimited, read_sheets
from reconciliation.statements.text import open_text, read_text
from reconciliation.statements.values import account_number, masked
from reconciliation.statements.workbook import MAGIC, sheets

SHIPPED: Final = Path(str(files("reconciliation.statements"))) / "profiles"


Keep = Callable[[int, StagedLine], None]
"""Takes the lines of a file one by one: the place of their statement, from 1, and the line."""


def read_file(data: bytes, profile: Profile, given: Given | None = None) -> StagedFile:
    """A file read whole, with its lines. Raises BadFile with the line and the reason."""
    lines: list[StagedLine] = []
    staged = read_through(data, profile, given or Given(), lambda _, line: lines.append(line))
    return with_lines(staged, lines)


def read_through(data: bytes, profile: Profile, given: Given, keep: Keep) -> StagedFile:
    """A file read to its end, its lines handed on as they come: they mean nothing if it is refused. Raises BadFile."""
    if not data:
        raise BadFile("empty")
    if len(data) > profile.limits.bytes_max:
        raise BadFile("too_large", most=profile.limits.bytes_max)
    statements = _statements(data, profile, given, keep)
    places = [(one.account, one.day, one.part) for one in statements]
    if len(set(places)) < len(places):
        raise BadFile("statement_repeated")
    return StagedFile(profile=profile.profile, statements=tuple(_agreed(one, given) for one in statements))


def _statements(data: bytes, profile: Profile, given: Given, keep: Keep) -> tuple[Statement, ...]:
    match profile.format:
        case "mt940":
            return _handed_on(read_mt940(read_text(data, profile.encodings), profile.limits.rows), keep)
        case "camt":
            return _handed_on(read_camt(read_text(data, profile.encodings), profile.limits.rows), keep)
        case "table" if data.startswith(MAGIC):
            return (read_sheets(sheets(data, profile.sheet), profile, given, partial(keep, 1)),)
        case "table":
            return (read_delimited(open_text(data, profile.encodings), profile, given, partial(keep, 1)),)
        case _:
            assert_never(profile.format)


def _handed_on(statements: tuple[Statement, ...], keep: Keep) -> tuple[Statement, ...]:
    for n, one in enumerate(statements, 1):
        for line in one.lines:
            keep(n, line)
    return tuple(replace(one, lines=()) for one in statements)


def find_profile(name: str, *folders: Path) -> Profile:
    """A profile by its name: of the last folder that has it, else shipped. Others are not looked at. Raises BadFile."""
    places = [folder / f"{name}.yaml" for folder in (*folders[::-1], SHIPPED)] if is_name(name) else []
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        raise BadFile("profile", name=name)
    return load_profile(path)


def load_profile(path: Path) -> Profile:
    """The profile a file holds, which is named as it is. Raises BadFile `profile_invalid`, `profile_named`."""
    with path.open("rb") as file:
        data = file.read(PROFILE_BYTES_MAX + 1)
    try:
        profile = read_profile(data.decode())
    except UnicodeDecodeError:
        raise BadFile("profile_invalid", path=path.name, text="UTF-8") from None
    except BadFile as bad:
        raise BadFile(bad.code, bad.line, **bad.facts, path=path.name) from None
    if profile.profile != path.stem:
        raise BadFile("profile_named", path=path.name, name=profile.profile)
    return profile


def _agreed(statement: Statement, given: Given) -> Statement:
    """What was said of the file must be what it says. One account may be said of a file with several: all differ."""
    if given.account and account_number(given.account) != account_number(statement.account or given.account):
        raise BadFile("account_differs", first=masked(statement.account), other=masked(given.account))
    if given.day is not None and statement.kind != "notification" and statement.day != given.day:
        raise BadFile("day_differs", said=statement.day.isoformat(), wanted=given.day.isoformat())
    return statement
