"""`paygw fees quote|check|test`: tariffs from files, without a database."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal

import typer

from paygw.app import STARTER_CATALOGUE
from paygw.cli.output import AsJson, show
from paygw.cli.progress import progress
from paygw.kernel.decide import VIETNAM
from paygw.kernel.errors import Refused
from paygw.kernel.fees.catalogue import Catalogue, calculate, load_catalogue
from paygw.kernel.fees.errors import BadCatalogue, FeeError
from paygw.kernel.fees.examples import answer_line, mismatch_of, read_line
from paygw.kernel.fees.explain import explain_en, explain_vi
from paygw.kernel.fees.quote import document
from paygw.settings import Settings

CatalogueFolder = Annotated[
    Path | None, typer.Option("--catalogue", help="Folder or file of tariffs; default: the hub's setting.")
]

LINE_BYTES_MAX: Final = 1_048_576

_SHOWN_MAX: Final = 20


def catalogue_from(folder: Path | None) -> Catalogue:
    """The catalogue of a folder, of the setting, or the starter's."""
    return load_catalogue(folder or Settings().catalogue or STARTER_CATALOGUE)


def quote(  # noqa: PLR0913 - one parameter per option
    *,
    procedure: Annotated[str, typer.Option(help="Procedure code.")] = "",
    as_of: Annotated[str, typer.Option(help="Legal date, yyyy-mm-dd; default: today in Vietnam.")] = "",
    province: Annotated[str | None, typer.Option(help="Province code of two digits.")] = None,
    facts: Annotated[str, typer.Option(help="Facts, a JSON object.")] = "{}",
    batch: Annotated[Path | None, typer.Option(help="A line of JSON per question; - reads stdin.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the answers of a batch go; - writes stdout.")] = None,
    catalogue: CatalogueFolder = None,
    lang: Annotated[Literal["vi", "en"], typer.Option(help="Language of the explanation.")] = "vi",
    as_json: AsJson = False,
) -> None:
    """Say what one procedure costs and why, or answer a batch of questions line by line."""
    if batch is not None:
        if out is None:
            raise Refused("invalid_value", "A batch needs --out.")
        _quote_batch(catalogue_from(catalogue), batch, out, as_json=as_json)
        return
    today = datetime.now(UTC).astimezone(VIETNAM).date().isoformat()
    asked = {"procedure": procedure, "province": province, "as_of": as_of or today, "facts": read_line(facts)}
    try:
        answer = calculate(catalogue_from(catalogue), **asked)
    except FeeError as error:
        if not as_json:
            raise
        show({"error": error.code, "detail": error.detail, "fact": error.fact}, as_json=True)
        raise typer.Exit(1) from error
    sentences = explain_vi(answer) if lang == "vi" else explain_en(answer)
    if as_json:
        show({**document(answer), "explanation": sentences}, as_json=True)
        return
    for sentence in sentences:
        typer.echo(sentence)


def check(
    path: Annotated[Path, typer.Argument(help="A folder of tariffs, or one file and what lies beside it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Check tariffs as the hub would; exit 1 and name file, line and path of the first thing that is wrong."""
    try:
        found = load_catalogue(path)
    except BadCatalogue as error:
        if not as_json:
            raise
        show({"error": error.kind, "at": error.at, "path": error.path, "message": error.message}, as_json=True)
        raise typer.Exit(1) from error
    if as_json:
        show({"ok": True}, as_json=True)
        return
    schedules = sum(len(one.tariff.schedules) for one in found.procedures.values())
    show({"ok": True, "procedures": len(found.procedures), "schedules": schedules}, as_json=False)


def run_examples(
    examples: Annotated[list[Path], typer.Argument(help="Files of worked examples, a line of JSON each.")],
    *,
    catalogue: CatalogueFolder = None,
    as_json: AsJson = False,
) -> None:
    """Run worked examples; exit 1 if one comes out otherwise."""
    loaded = catalogue_from(catalogue)
    passed, failures = 0, list[dict[str, object]]()
    for path in examples:
        with path.open("rb") as file:
            for text in lines_of(file):
                mismatch = mismatch_of(loaded, read_line(text) or {})
                passed += mismatch is None
                if mismatch is not None and len(failures) < _SHOWN_MAX:
                    failures.append(asdict(mismatch))
    show({"ok": not failures, "passed": passed, "failures": failures}, as_json=as_json)
    if failures:
        raise typer.Exit(1)


def _quote_batch(catalogue: Catalogue, batch: Path, out: Path, *, as_json: bool) -> None:
    """Answer line by line in constant memory; a file appears when it is complete."""
    quoted = refused = malformed = 0
    size = batch.stat().st_size if batch.is_file() else 0
    with _reading(batch) as source, _writing(out) as sink, progress("quoting", size) as advance:
        for text in lines_of(source):
            line = read_line(text)
            answer = {"id": None, "error": "bad_request"} if line is None else answer_line(catalogue, line)
            sink.write(json.dumps(answer).encode() + b"\n")
            quoted += "expect" in answer
            refused += "error" in answer
            malformed += line is None
            advance(len(text))
    if str(out) != "-":
        show({"quoted": quoted, "refused": refused, "malformed": malformed, "out": str(out)}, as_json=as_json)
    if malformed:
        raise Refused("bad_request", f"{malformed} lines are not JSON objects.")


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Lines that are not blank; one that is too long to be a question is cut and so refused."""
    while text := file.readline(LINE_BYTES_MAX):
        if len(text) == LINE_BYTES_MAX and not text.endswith(b"\n"):
            while (rest := file.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
                pass
        if text.strip():
            yield text


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    with path.open("rb") as file:
        yield file


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        yield file
    part.replace(path)
