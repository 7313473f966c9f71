"""The one way in: bytes and a profile to a checked file. Pure; hostile bytes are read in a process of their own."""

from importlib.resources import files
from pathlib import Path
from typing import Final, assert_never

from reconciliation.statements.camt import read_camt
from reconciliation.statements.errors import BadFile
from reconciliation.statements.mt940 import read_mt940
from reconciliation.statements.profile import PROFILE_BYTES_MAX, Profile, read_profile
from reconciliation.statements.staged import FILE_BYTES_MAX, StagedFile, Statement
from reconciliation.statements.table import Given, read_delimited, read_table
from reconciliation.statements.text import read_text
from reconciliation.statements.values import account_number
from reconciliation.statements.workbook import MAGIC, workbook

SHIPPED: Final = Path(str(files("reconciliation.statements"))) / "profiles"


def read_file(data: bytes, profile: Profile, given: Given | None = None) -> StagedFile:
    """A file read whole. Raises BadFile with the line and the reason."""
    said = given or Given()
    if not data:
        raise BadFile("empty")
    if len(data) > FILE_BYTES_MAX:
        raise BadFile("too_large", most=FILE_BYTES_MAX)
    statements = _statements(data, profile, said)
    places = [(one.account, one.day, one.part) for one in statements]
    if len(set(places)) < len(places):
        raise BadFile("statement_repeated")
    return StagedFile(profile=profile.profile, statements=tuple(_agreed(one, said) for one in statements))


def _statements(data: bytes, profile: Profile, given: Given) -> tuple[Statement, ...]:
    if profile.format == "table" and data.startswith(MAGIC):
        return (read_table(workbook(data, profile.sheet), profile, given),)
    text = read_text(data, profile.encodings)
    match profile.format:
        case "mt940":
            return read_mt940(text)
        case "camt":
            return read_camt(text)
        case "table":
            return (read_delimited(text, profile, given),)
        case _:
            assert_never(profile.format)


def load_profiles(*folders: Path) -> dict[str, Profile]:
    """The profiles shipped and those of further folders, by name; a later one replaces. Raises BadFile."""
    found: dict[str, Profile] = {}
    for folder in (SHIPPED, *folders):
        for path in sorted(folder.glob("*.yaml")):
            if path.stat().st_size > PROFILE_BYTES_MAX:
                raise BadFile("profile_invalid", text=f"{path.name}: too long")
            profile = read_profile(path.read_text(encoding="utf-8"))
            found[profile.profile] = profile
    return found


def _agreed(statement: Statement, given: Given) -> Statement:
    """What was said of the file must be what it says. One account may be said of a file with several: all differ."""
    if given.account and account_number(given.account) != account_number(statement.account or given.account):
        raise BadFile("account_differs")
    if given.day is not None and statement.kind != "notification" and statement.day != given.day:
        raise BadFile("day_differs", said=statement.day.isoformat(), wanted=given.day.isoformat())
    return statement
