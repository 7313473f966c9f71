"""A fee catalogue after reading: frozen values, expressions already checked, every date a window."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias

from paygw.kernel.fees.dates import Window
from paygw.kernel.fees.expr import Expr
from paygw.kernel.split import ShareRule

FactKind = Literal["int", "money", "decimal", "bool", "enum", "date"]
ComponentType = Literal["phi", "le_phi", "an_phi"]
Action = Literal["multiply", "add", "set", "percent_off"]
FactValue: TypeAlias = int | str | bool | date


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in its file, for messages: `at` is `file:line`."""

    at: str
    path: str


@dataclass(frozen=True, slots=True)
class Label:
    """What a fact or a value of it is called on a form."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One declared input. Numbers are integers in units of 10**-scale: `low`, `high` and `default` as well."""

    name: str
    kind: FactKind
    values: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    scale: int = 0
    default: FactValue | None = None
    label: Label | None = None
    value_labels: tuple[Label | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """A condition the facts must satisfy together."""

    expr: Expr
    text: str


@dataclass(frozen=True, slots=True)
class ParamRow:
    """The value of a parameter during a window."""

    window: Window
    value: Fraction


@dataclass(frozen=True, slots=True)
class Split:
    """A named revenue split: ordered shares, exactly one of which takes the rest."""

    id: str
    shares: tuple[ShareRule, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """`fixed` or `expr`: a number as it stands."""

    form: Literal["fixed", "expr"]
    value: Expr


@dataclass(frozen=True, slots=True)
class PerUnit:
    """A price for each unit beyond the free ones."""

    quantity: Expr
    price: Expr
    free: Expr


@dataclass(frozen=True, slots=True)
class Percent:
    """A rate of a value."""

    of: Expr
    rate: Expr


@dataclass(frozen=True, slots=True)
class Bracket:
    """One row of a table. `bound` None means the rest; bounds, amounts and rates are constant within a period."""

    bound: Expr | None
    inclusive: bool
    rate: Fraction
    fixed: Expr
    over: Expr
    row_min: Expr | None


@dataclass(frozen=True, slots=True)
class Brackets:
    """A table read by one row (`row`) or slice by slice (`marginal`); `unit_steps` is the marginal form of prices."""

    form: Literal["brackets", "unit_steps"]
    mode: Literal["row", "marginal"]
    of: Expr
    rows: tuple[Bracket, ...]
    cumulative_from: Expr | None
    place: Place


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A rate read off straight lines between points (value, rate), clamped outside."""

    of: Expr
    points: tuple[tuple[Fraction, Fraction], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of `cases`: it wins if its window holds and its condition is true or absent."""

    id: str
    window: Window
    when: Expr | None
    base: "Base"


@dataclass(frozen=True, slots=True)
class Cases:
    """The first true row wins."""

    rows: tuple[Case, ...]


Base: TypeAlias = Amount | PerUnit | Percent | Brackets | Interpolated | Cases


@dataclass(frozen=True, slots=True)
class Limits:
    """A floor and a cap, applied while `when` holds."""

    minimum: Expr | None
    maximum: Expr | None
    when: Expr | None


@dataclass(frozen=True, slots=True)
class Modifier:
    """One change of the amount. `value` is the factor, sum, new amount, or part taken off (1/10 for 10%)."""

    id: str
    action: Action
    value: Expr
    off_max: Expr | None
    minimum: Expr | None
    when: Expr | None
    window: Window
    group: str | None
    legal: str | None


@dataclass(frozen=True, slots=True)
class Exemption:
    """A reason for which nothing is charged."""

    id: str
    when: Expr
    window: Window
    legal: str | None


@dataclass(frozen=True, slots=True)
class Rounding:
    """To which multiple of đồng, and how."""

    to: int
    mode: Literal["half_up", "down"]


@dataclass(frozen=True, slots=True)
class Component:
    """One phí, lệ phí or án phí of a schedule, with everything that decides its amount."""

    id: str
    name: str
    type: ComponentType
    ndkt: str | None
    split: Split
    when: Expr | None
    base: Base
    base_limits: Limits | None
    times: Expr | None
    modifiers: tuple[Modifier, ...]
    exemptions: tuple[Exemption, ...]
    limits: Limits | None
    rounding: Rounding
    legal: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Schedule:
    """The components in force for one jurisdiction during a window. `content_hash` covers params and splits used.

    `labels` name cases, modifiers, exemptions and parameters by their ids, where the catalogue has words for them.
    """

    id: str
    jurisdiction: str
    window: Window
    legal: tuple[str, ...]
    confidence: str | None
    components: tuple[Component, ...]
    params: Mapping[str, tuple[ParamRow, ...]]
    labels: Mapping[str, Label]
    content_hash: str
    place: Place


@dataclass(frozen=True, slots=True)
class Agency:
    """Who collects: body id, its name, and the key of its budget chapter."""

    id: str
    collector: str
    chapter: str


@dataclass(frozen=True, slots=True)
class Tariff:
    """One administrative procedure: its facts in file order, and its schedules. `assessed`: an officer sets the sum."""

    code: str
    code_status: str | None
    name_vi: str
    name_en: str
    agency: Agency | None
    assessed: bool
    facts: tuple[Fact, ...]
    constraints: tuple[Constraint, ...]
    schedules: tuple[Schedule, ...]
