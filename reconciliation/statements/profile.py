"""Column-mapping profiles: one YAML file says how one bank writes its tables (docs/files.md tells how to make one)."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
import yaml

from reconciliation.model import Status
from reconciliation.statements.errors import BadFile
from reconciliation.statements.profile_errors import Choices, composed, explained, line_of
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
_NAME: Final = r"^[a-z0-9][a-z0-9-]{1,59}$"
Name = Annotated[str, msgspec.Meta(pattern=_NAME)]

PROFILE_BYTES_MAX: Final = 65_536


_CHOICES: Final[Choices] = {
    "$.columns": get_args(Column),
    "$.required": get_args(Column),
    "$.labels": get_args(Fact),
    "$.trailer.facts": tuple({**dict.fromkeys(get_args(Fact)), **dict.fromkeys(get_args(Column))}),
    "$.kinds": tuple(LineKind),
    "$.memo_kinds": tuple(LineKind),
    "$.directions": tuple(Direction),
    "$.statuses": tuple(Status),
    "$.encodings": get_args(Encoding),
    "$.delimiters": (",", ";", "|", r"\t"),
    "$.amounts.marks": get_args(Marks),
    "$.amounts.unit": get_args(Unit),
    "$.format": ("table", "mt940", "camt"),
    "$.kind": ("statement", "notification", "settlement"),
    "$.day_of": ("booked_at", "value_date", "settled_on"),
}


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Nothing unknown is passed over: a word spelt wrongly would silently change what is read."""


class Amounts(_Strict, frozen=True, kw_only=True):
    """How amounts are written. `signed`: the sign is the direction; `debit_negative`: debits have a minus."""

    marks: Marks = "any"
    unit: Unit = "dong"
    signed: bool = False
    debit_negative: bool = False


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


_FIELDS: Final[Choices] = {
    "$": Profile.__struct_fields__,
    "$.amounts": Amounts.__struct_fields__,
    "$.trailer": Trailer.__struct_fields__,
    "$.limits": Limits.__struct_fields__,
}


def read_profile(text: str) -> Profile:
    """A profile from YAML. Raises BadFile `profile_…` with the line, what is wrong there and what would be right."""
    if len(text.encode()) > PROFILE_BYTES_MAX:
        raise BadFile("profile_invalid", text=f"> {PROFILE_BYTES_MAX} bytes")
    root = composed(text)
    try:
        profile = msgspec.convert(yaml.safe_load(text), Profile)
    except yaml.YAMLError as error:
        raise BadFile("profile_yaml", text=str(error)) from None
    except (msgspec.ValidationError, RecursionError) as error:
        raise explained(str(error), root, {**_CHOICES, **_FIELDS}) from None
    if profile.format == "table":
        _check(profile, root)
    return profile


def _check(profile: Profile, root: yaml.Node) -> None:
    """What types do not say. Raises BadFile."""
    _check_columns(profile, root)
    _check_dates(profile, root)
    for path, section in (
        ("$.columns", profile.columns),
        ("$.kinds", profile.kinds),
        ("$.directions", profile.directions),
        ("$.statuses", profile.statuses),
        ("$.labels", profile.labels),
    ):
        _check_once(path, section, root)
    marks = profile.trailer.marks if profile.trailer is not None else ()
    for path, words in (("$.trailer.marks", marks), ("$.skip", profile.skip)):
        for word in words:
            if not fold(word):  # every row begins so
                raise BadFile("profile_empty_word", line_of(root, path, word), text=word)


def _check_columns(profile: Profile, root: yaml.Node) -> None:
    names = profile.columns.keys()
    if "amount_vnd" not in names and not {"debit_vnd", "credit_vnd"} <= names:
        raise BadFile("profile_column", line_of(root, "$.columns"), text="amount_vnd | debit_vnd + credit_vnd")
    if not names & {"booked_at", "value_date"}:
        raise BadFile("profile_column", line_of(root, "$.columns"), text="booked_at | value_date")
    facts = profile.trailer.facts.values() if profile.trailer is not None else ()
    for path, told in (("$.required", profile.required), ("$.trailer", facts)):
        for name in told:
            if name not in names:
                raise BadFile("profile_column", line_of(root, path, name), text=name)
    for column, section, known in (
        ("kind", "kinds", profile.kinds),
        ("direction", "directions", profile.directions),
        ("status", "statuses", profile.statuses),
    ):
        if column in names and not known:
            raise BadFile("profile_words", line_of(root, "$.columns", column), column=column, section=section)


def _check_dates(profile: Profile, root: yaml.Node) -> None:
    """Each is a form, and not one begins with the day where another begins with the month: 02/11 would be either."""
    months_first: dict[bool, str] = {}
    for form in profile.dates:
        if form == "iso":
            continue
        if not is_form(form):
            raise BadFile("profile_date", line_of(root, "$.dates", form), text=form)
        if "MMM" not in form and not form.startswith("y"):
            months_first[form.index("M") < form.index("d")] = form
    if len(months_first) > 1:
        last = months_first[True]
        raise BadFile("profile_dates", line_of(root, "$.dates", last), text=last, other=months_first[False])


def _check_once(path: str, section: Mapping[Any, Words], root: yaml.Node) -> None:
    """No word means two things."""
    seen: dict[str, str] = {}
    for name, words in section.items():
        for word in words:
            known = seen.setdefault(fold(word) or word, name)
            if known != name:
                raise BadFile("profile_alias", line_of(root, path, word), text=word, column=known)


def is_name(name: str) -> bool:
    """Whether a profile may be called so: it is a file's name too."""
    return re.fullmatch(_NAME, name) is not None
