"""Loading a fee catalogue and asking it for a quote: the public face of the fee engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from paygw.kernel.fees.compile import Test, names_of, predicate
from paygw.kernel.fees.dates import iso_day
from paygw.kernel.fees.declare import Labels, read_labels, read_params, read_splits
from paygw.kernel.fees.errors import BadCatalogue, FeeError
from paygw.kernel.fees.evaluate import charge
from paygw.kernel.fees.facts import AS_OF, PROVINCE, Binder, Env, binder_of
from paygw.kernel.fees.fields import Field
from paygw.kernel.fees.model import Fact, Tariff
from paygw.kernel.fees.quote import Quote, QuotedComponent
from paygw.kernel.fees.schema import Shared, read_tariff
from paygw.kernel.fees.select import NATIONAL, Timeline, choose, timelines_of
from paygw.kernel.fees.source import SOURCE_CHARS_MAX, Node, read_source

Declared = TypeVar("Declared")

FILES_MAX: Final = 500
SCHEMA: Final = "paygw.fees/v1"
SHARED_FILES: Final = ("labels.yaml", "profiles.yaml")

_SECTIONS: Final = ("splits", "params", "labels", "chapters", "beneficiaries", "procedures")


@dataclass(frozen=True, slots=True, eq=False)
class Procedure:
    """A procedure ready to be priced: its data, and its rules compiled for every period.

    `others` are editions of it that ask for other facts on other days; this one is the newest.
    """

    tariff: Tariff
    binder: Binder
    constraints: tuple[tuple[Test, str], ...]
    timelines: Mapping[str, Timeline]
    others: "tuple[Procedure, ...]" = ()

    @property
    def code(self) -> str:
        """National code of the procedure."""
        return self.tariff.code

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Declared facts in file order."""
        return self.tariff.facts


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Every procedure by its exact code. Immutable; a new version is a new catalogue."""

    procedures: Mapping[str, Procedure]


def load_catalogue(path: Path) -> Catalogue:
    """Read a directory, or one file with what its directory shares. Raises BadCatalogue."""
    return parse_catalogue(read_sources(path))


def read_sources(path: Path) -> dict[str, str]:
    """The texts of every `*.yaml` of a directory by file name, or of one file and the profiles and labels beside it.

    Raises BadCatalogue where there is none, or one cannot be read.
    """
    paths = sorted(path.glob("*.yaml")) if path.is_dir() else [*_beside(path), path]
    if not paths or len(paths) > FILES_MAX:
        message = f"A catalogue is 1 to {FILES_MAX} YAML files, not {len(paths)}."
        raise BadCatalogue("bad_catalogue", at=f"{path}:1", path="document", message=message)
    return {one.name: _read(one) for one in paths}


def _beside(path: Path) -> list[Path]:
    """Files that a directory's procedures share: splits, parameters, chapters; labels."""
    return [near for name in SHARED_FILES if (near := path.with_name(name)).is_file() and name != path.name]


def parse_catalogue(sources: Mapping[str, str]) -> Catalogue:
    """Read YAML texts by file name. Raises BadCatalogue for the first thing that makes the catalogue unfit for use."""
    documents = [_document(Field(read_source(text, file=name), "")) for name, text in sources.items()]
    shared = _shared(documents)
    procedures: dict[str, Procedure] = {}
    for document in documents:
        for item in document["procedures"].items() if "procedures" in document else ():
            tariff = read_tariff(item, shared)
            if tariff.code in procedures:
                raise item.bad(f"Procedure {tariff.code} is declared twice.")
            procedures[tariff.code] = _compiled(tariff)
    return Catalogue(procedures)


def calculate(catalogue: Catalogue, *, procedure: object, province: object, as_of: object, facts: object) -> Quote:
    """The fees of one request. `as_of` is the legal date, ISO text or a date; `facts` a JSON object.

    Raises FeeError: unknown_procedure, bad_request, unknown_fact, missing_fact, bad_type, bad_enum, out_of_range,
    inconsistent_facts, province_required, no_schedule_in_force, no_case_matches, in this order of checks.
    """
    found = catalogue.procedures.get(procedure) if isinstance(procedure, str) else None
    if found is None:
        raise FeeError("unknown_procedure", "The catalogue has no procedure with exactly this code.")
    day, area = _day(as_of), _province(province)
    if not isinstance(facts, dict):
        raise FeeError("bad_request", "'facts' must be an object.")
    if found.others:
        found = edition_on(found, area, day)
    env = found.binder.bind(facts)
    env[AS_OF], env[PROVINCE] = day, area or ""
    _check_constraints(found, env)
    plan = choose(found.timelines, area, day)
    components: list[QuotedComponent] = []
    total_vnd = 0
    for component in plan.components:
        quoted = charge(component, env)
        if quoted is not None:
            components.append(quoted)
            total_vnd += quoted.amount_vnd
    return Quote(found.tariff, plan.rule, day, area, tuple(components), total_vnd)


def edition_on(procedure: Procedure, province: str | None, day: date) -> Procedure:
    """The edition whose facts are asked for on a legal date; the newest where none is in force."""
    editions = (procedure, *procedure.others)
    for jurisdiction in (province, NATIONAL):
        for edition in editions:
            timeline = edition.timelines.get(jurisdiction or "")
            if timeline is not None and timeline.on(day):
                return edition
    standing = (one for one in editions if province is None and any(t.on(day) for t in one.timelines.values()))
    return next(standing, procedure)


def quote_line(catalogue: Catalogue, line: Mapping[str, object]) -> dict[str, object]:
    """Answer one line of a batch `{procedure, province?, as_of, facts}`: the quote, or `{"error": code}`."""
    asked = {key: line.get(key) for key in ("procedure", "province", "as_of", "facts")}
    try:
        quote = calculate(catalogue, **asked)
    except FeeError as error:
        return {"error": error.code}
    return {
        "schedule": quote.schedule,
        "components": [{"id": c.id, "amount": c.amount_vnd, "status": c.status} for c in quote.components],
        "total": quote.total_vnd,
        "shares": quote.shares,
        "explain": list(quote.explain),
    }


def _day(as_of: object) -> date:
    day = iso_day(as_of) if type(as_of) is str else as_of
    if type(day) is not date:
        raise FeeError("bad_request", "'as_of' must be a day written yyyy-mm-dd.")
    return day


def _province(province: object) -> str | None:
    if province is None:
        return None
    if type(province) is str and len(province) == 2 and province.isascii() and province.isdigit():  # noqa: PLR2004 - the code's length
        return province
    raise FeeError("bad_request", "'province' must be a province code of two digits, or null.")


def _check_constraints(procedure: Procedure, env: Env) -> None:
    for holds, text in procedure.constraints:
        if not holds(env):
            raise FeeError("inconsistent_facts", f"These facts do not go together; this must hold: {text}")


def _compiled(tariff: Tariff) -> Procedure:
    names = names_of(tariff.facts, {})
    constraints = tuple((predicate(constraint.expr, names), constraint.text) for constraint in tariff.constraints)
    return Procedure(tariff, binder_of(tariff.facts), constraints, timelines_of(tariff.schedules, tariff.facts))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > SOURCE_CHARS_MAX:
            message = f"A catalogue file has at most {SOURCE_CHARS_MAX} bytes."
            raise BadCatalogue("bad_catalogue", at=f"{path.name}:1", path="document", message=message)
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The file cannot be read as UTF-8 text: {error}."
        raise BadCatalogue("bad_catalogue", at=f"{path.name}:1", path="document", message=message) from error


def _document(field: Field) -> dict[str, Field]:
    """The sections of one file; a file may also be one bare procedure."""
    if "code" in field.entries():
        alone = Node([field.node], field.node.file, field.node.line, field.node.size)
        return {"procedures": Field(alone, "procedures")}
    fields = field.fields(optional=("schema", *_SECTIONS))
    if "schema" in fields:
        fields["schema"].one_of((SCHEMA,))
    return fields


def _shared(documents: list[dict[str, Field]]) -> Shared:
    """Splits, parameters, labels and chapters of all files together; a name is declared once."""
    sections = {section: [document[section] for document in documents if section in document] for section in _SECTIONS}
    chapters = {name for field in sections["chapters"] for name in field.entries()}
    labels = [read_labels(field) for field in sections["labels"]]
    return Shared(
        splits=_merged(sections["splits"], read_splits),
        params=_merged(sections["params"], read_params),
        labels=Labels(
            {name: label for one in labels for name, label in one.facts.items()},
            {name: label for one in labels for name, label in one.values.items()},
            {name: label for one in labels for name, label in one.rules.items()},
        ),
        chapters=frozenset(chapters),
    )


def _merged(fields: list[Field], read: Callable[[Field], dict[str, Declared]]) -> dict[str, Declared]:
    found: dict[str, Declared] = {}
    for field in fields:
        declared = read(field)
        for name in declared:
            if name in found:
                raise field.entries()[name].bad(f"'{name}' is declared in two files.")
        found |= declared
    return found
