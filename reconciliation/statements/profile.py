"""Column-mapping profiles: one YAML file says how one bank writes its tables (docs/files.md tells how to make one)."""

import re
from typing import Annotated, Final, Literal

import msgspec
import yaml

from paygw.kernel.errors import Refused
from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import FILE_BYTES_MAX, MIB, ROWS_MAX, Direction, LineKind
from reconciliation.statements.text import Encoding, fold
from reconciliation.statements.values import Marks, Unit, is_form

Column = Literal[
    "account", "bank_txn_id", "ref", "kind", "direction", "amount_vnd", "debit_vnd", "credit_vnd", "fee_vnd",
    "fee_vat_vnd", "net_vnd", "balance_vnd", "status", "booked_at", "booked_time", "value_date", "settled_on", "memo",
    "virtual_account", "currency",
]  # fmt: skip
Fact = Literal[
    "account", "day", "sequence", "opening_vnd", "closing_vnd", "lines", "total_vnd", "credit_vnd", "debit_vnd",
    "fee_vnd", "fee_vat_vnd", "currency",
]  # fmt: skip
Words = tuple[str, ...]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,59}$")]

PROFILE_BYTES_MAX: Final = 65_536


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Nothing unknown is passed over: a word spelt wrongly would silently change what is read."""


class Amounts(_Strict, frozen=True, kw_only=True):
    """How amounts are written. `signed`: one column whose sign is the direction."""

    marks: Marks = "any"
    unit: Unit = "dong"
    signed: bool = False


class Trailer(_Strict, frozen=True, kw_only=True):
    """The row of totals: its first filled cell begins with a mark; `facts` says which column holds which total."""

    marks: Words
    facts: dict[Fact, Column] = msgspec.field(default_factory=dict)
    required: bool = False


class Limits(_Strict, frozen=True, kw_only=True):
    """How large a file may be. Larger than 20 MiB it comes by folder, SFTP or command line, and is a delimited text."""

    rows: Annotated[int, msgspec.Meta(ge=1, le=5_000_000)] = ROWS_MAX
    mib: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = FILE_BYTES_MAX // MIB

    @property
    def bytes_max(self) -> int:
        """The limit in bytes."""
        return self.mib * MIB


class Profile(_Strict, frozen=True, kw_only=True):
    """How to read one kind of file of one bank. Words and headers are compared without case and diacritics."""

    profile: Name
    title: str
    source: str  # the bank's document or sample this was made from, with its date
    format: Literal["table", "mt940", "camt"] = "table"
    kind: Literal["statement", "notification", "settlement"] = "statement"
    encodings: tuple[Encoding, ...] = ("utf-8", "utf-16")
    delimiters: tuple[Literal[",", ";", "|", "\t"], ...] = (",", ";", "|", "\t")
    sheet: str = ""  # name of the sheet; where empty, the one visible sheet that has the header
    columns: dict[Column, Words] = msgspec.field(default_factory=dict)
    required: tuple[Column, ...] = ()
    amounts: Amounts = Amounts()
    limits: Limits = Limits()
    dates: Words = ("dd/MM/yyyy HH:mm:ss", "dd/MM/yyyy HH:mm", "dd/MM/yyyy")
    kinds: dict[LineKind, Words] = msgspec.field(default_factory=dict)
    directions: dict[Direction, Words] = msgspec.field(default_factory=dict)
    statuses: dict[Status, Words] = msgspec.field(default_factory=dict)
    memo_kinds: dict[LineKind, Words] = msgspec.field(default_factory=dict)  # how it begins; direction counts
    labels: dict[Fact, Words] = msgspec.field(default_factory=dict)  # "Số dư đầu kỳ: 1.000.000" above or below
    trailer: Trailer | None = None
    skip: Words = ()  # rows below the lines that begin so: signatures, "Ngày in"
    header_rows_max: int = 40
    disarmed: bool = False  # text cells have an apostrophe before = + - @
    day_of: Literal["booked_at", "value_date", "settled_on"] = "booked_at"


def read_profile(text: str) -> Profile:
    """A profile from YAML. Raises BadFile `profile_invalid` with what is wrong and where."""
    if len(text.encode()) > PROFILE_BYTES_MAX:
        raise BadFile("profile_invalid", text="too long")
    try:
        tree = yaml.safe_load(text)
        profile = msgspec.convert(tree, Profile)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise BadFile("profile_invalid", mark.line + 1 if mark else None, text="YAML") from None
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadFile("profile_invalid", text=str(error)) from None
    for wrong in _wrong(profile):
        raise BadFile("profile_invalid", text=wrong)
    return profile


def _wrong(profile: Profile) -> list[str]:
    """What types do not say."""
    if profile.format != "table":
        return []
    names = profile.columns.keys()
    amount = "amount_vnd" in names or {"debit_vnd", "credit_vnd"} <= names
    found = [] if amount else ["columns: amount_vnd, or debit_vnd and credit_vnd"]
    found += [] if names & {"booked_at", "value_date"} else ["columns: booked_at or value_date"]
    found += [f"dates: {form}" for form in profile.dates if form != "iso" and not is_form(form)]
    found += [f"required: {name}" for name in profile.required if name not in names]
    words = {"kind": profile.kinds, "direction": profile.directions, "status": profile.statuses}
    found += [f"columns: {name} needs its words" for name, known in words.items() if name in names and not known]
    if profile.trailer is not None:
        found += [f"trailer: {name}" for name in profile.trailer.facts.values() if name not in names]
    headers = [fold(alias) for aliases in profile.columns.values() for alias in aliases]
    found += [f"columns: {alias!r} names two columns" for alias in headers if headers.count(alias) > 1]
    return found


def require_name(name: str) -> str:
    """A profile's name that is safe as a file name. Raises Refused `invalid_value`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,59}", name):
        raise Refused("invalid_value", "A profile's name has small letters, digits and hyphens.")
    return name
