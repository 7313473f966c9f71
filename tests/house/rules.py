"""The house rules as small functions over one parsed file: each yields the lines that break it."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.house.sources import EVERYWHERE, PACKAGES, PURE, Source, docstrings

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400

_SQL_SHOUTED = re.compile(
    r"\b(SELECT\s[^;]*\bFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(CREATE|ALTER|DROP)\s+TABLE|FOR\s+UPDATE)\b"
)
_SQL_WHISPERED = re.compile(
    r"\s*(select\s[^;]*\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\()",
    re.IGNORECASE,
)
_SQL_LIBRARY = re.compile(r"sqlalchemy(\.sql|\.dialects|\.orm|\.schema|\.types)?$|sqlalchemy\.(sql|dialects|orm)\.")
_VAGUE_CLASS = re.compile(r"(Service|Manager|Helper|Util)s?(?=[A-Z]|$)")
_VAGUE_MODULE = re.compile(r"(^|/)(services?|managers?|helpers?|utils?|misc|common)\.py$")
_LATER = re.compile(r"\b(" + "TO" + "DO|FIX" + r"ME)\b")
_SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover)(?P<rest>.*)$")
_CODES = re.compile(r"^(\s*:\s*[A-Z]+[0-9]+(\s*,\s*[A-Z]+[0-9]+)*|\[[\w\-, ]+\])?")
_CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "perf_counter"}
_CLOCK_OWNERS = {"datetime", "date", "time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`sentence` tells the reader of a failure what to do instead; `samples` are lines that must be caught."""

    name: str
    sentence: str
    broken_at: Callable[[Source], Iterator[int]]
    samples: tuple[str, ...]
    within: tuple[str, ...] = PACKAGES
    except_in: tuple[str, ...] = ()
    sample_path: str = field(default="paygw/hub/sample.py")


def _sql(source: Source) -> Iterator[int]:
    prose = docstrings(source.tree)
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(value=str(text)) if node not in prose:
                if _SQL_SHOUTED.search(text) or _SQL_WHISPERED.match(text):
                    yield node.lineno
            case ast.ImportFrom(module=str(module)) if _SQL_LIBRARY.match(module):
                yield node.lineno
            case ast.Import(names=names) if any(_SQL_LIBRARY.match(name.name) for name in names):
                yield node.lineno


def _environment(source: Source) -> Iterator[int]:
    wanted = {"environ", "environb", "getenv", "putenv"}
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr in wanted:
                yield node.lineno
            case ast.ImportFrom(module="os", names=names) if wanted & {name.name for name in names}:
                yield node.lineno


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
                yield annotation
            case ast.FunctionDef(returns=ast.expr() as returns) | ast.AsyncFunctionDef(returns=ast.expr() as returns):
                yield returns


def _floats(source: Source) -> Iterator[int]:
    for annotation in _annotations(source.tree):
        yield from (n.lineno for n in ast.walk(annotation) if isinstance(n, ast.Name) and n.id == "float")
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Name(id="float")) | ast.Constant(value=float()):
                yield node.lineno


def _clocks(source: Source) -> Iterator[int]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attr)):
                if owner in _CLOCK_OWNERS and attr in _CLOCKS:
                    yield node.lineno
            case ast.ImportFrom(module="time"):
                yield node.lineno


def _long_functions(source: Source) -> Iterator[int]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield node.lineno


def _long_file(source: Source) -> Iterator[int]:
    if source.text.count("\n") > FILE_LINES_MAX:
        yield FILE_LINES_MAX + 1


def _no_docstring(source: Source) -> Iterator[int]:
    if not ast.get_docstring(source.tree):
        yield 1


def _vague_names(source: Source) -> Iterator[int]:
    if _VAGUE_MODULE.search(source.path):
        yield 1
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and _VAGUE_CLASS.search(node.name):
            yield node.lineno


def _later(source: Source) -> Iterator[int]:
    yield from (number for number, line in enumerate(source.text.splitlines(), 1) if _LATER.search(line))


def _late_imports(source: Source) -> Iterator[int]:
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (n.lineno for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom))


def _silence_without_reason(source: Source) -> Iterator[int]:
    for number, line in enumerate(source.text.splitlines(), 1):
        found = _SILENCED.search(line)
        if found and not re.search(r"\w{3}", _CODES.sub("", found["rest"], count=1)):
            yield number


def _patches(source: Source) -> Iterator[int]:
    for node in ast.walk(source.tree):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[:2] in (["unittest", "mock"], ["mock"]):
                yield node.lineno
            case ast.ImportFrom(module="unittest", names=names) if "mock" in {name.name for name in names}:
                yield node.lineno
            case ast.Import(names=names) if {"mock", "unittest.mock"} & {name.name for name in names}:
                yield node.lineno
            case ast.Attribute(value=ast.Name(id="monkeypatch"), attr="setattr"):
                yield node.lineno


RULES = (
    Rule(
        name="sql_only_in_store",
        sentence="SQL lives in paygw/store: give the store a function named after what you need",
        broken_at=_sql,
        except_in=("paygw/store",),
        samples=(
            "QUERY = 'SELECT id FROM orders'",
            "QUERY = 'delete from orders'",
            "ROW = f'INSERT INTO {table} (id)'",
            "from sqlalchemy import text",
            "import sqlalchemy",
        ),
    ),
    Rule(
        name="environment_only_in_settings",
        sentence="only paygw/settings.py reads the environment: make it a setting and pass the value",
        broken_at=_environment,
        except_in=("paygw/settings.py",),
        samples=("import os\nHOME = os.environ['HOME']", "from os import getenv", "import os\nos.getenv('A')"),
    ),
    Rule(
        name="no_float_near_money",
        sentence="no floats in kernel, connectors and reconciliation: đồng are int, rates are Fraction or Decimal",
        broken_at=_floats,
        within=PURE,
        sample_path="paygw/kernel/sample.py",
        samples=("x = float('1')", "def f(x: float | None) -> int: ...", "def f() -> list[float]: ...", "RATE = 0.5"),
    ),
    Rule(
        name="no_clock_in_the_pure_packages",
        sentence="kernel, connectors and reconciliation take `now` as an argument",
        broken_at=_clocks,
        within=PURE,
        sample_path="connectors/sample.py",
        samples=("datetime.now(UTC)", "date.today()", "time.time()", "from time import monotonic"),
    ),
    Rule(
        name="short_functions",
        sentence=f"a function has at most {FUNCTION_LINES_MAX} lines: push the ifs up and the loops down",
        broken_at=_long_functions,
        within=EVERYWHERE,
        samples=("def f() -> None:\n" + "    x = 1\n" * FUNCTION_LINES_MAX,),
    ),
    Rule(
        name="short_files",
        sentence=f"a file has at most {FILE_LINES_MAX} lines: cut it along what it is about",
        broken_at=_long_file,
        within=EVERYWHERE,
        samples=("x = 1\n" * (FILE_LINES_MAX + 1),),
    ),
    Rule(
        name="every_module_has_a_docstring",
        sentence="a module begins with a docstring that says what it is for",
        broken_at=_no_docstring,
        within=EVERYWHERE,
        samples=("x = 1", ""),
    ),
    Rule(
        name="no_vague_names",
        sentence="Service, Manager, Helper and Util say nothing: name the thing by the glossary (docs/architecture.md)",
        broken_at=_vague_names,
        within=EVERYWHERE,
        samples=("class OrderService: ...", "class ManagerOfBanks: ...", "class StringUtils: ..."),
    ),
    Rule(
        name="nothing_for_later",
        sentence="do it now, or write down in an ADR why not",
        broken_at=_later,
        within=EVERYWHERE,
        samples=("x = 1  # TO" + "DO: tidy", "# FIX" + "ME"),
    ),
    Rule(
        name="imports_stand_at_the_top",
        sentence="an import inside a function hides a cycle: break the cycle",
        broken_at=_late_imports,
        within=EVERYWHERE,
        samples=("def f() -> None:\n    import os", "async def f() -> None:\n    from os import path"),
    ),
    Rule(
        name="silence_has_a_reason",
        sentence="a noqa or type-ignore names its rule and gives its reason in the same line",
        broken_at=_silence_without_reason,
        within=EVERYWHERE,
        except_in=("tests/house",),
        samples=("x = 1  # noqa", "x = 1  # noqa: S101", "x = 1  # type: ignore[arg-type]"),
    ),
    Rule(
        name="nothing_is_patched",
        sentence="if you want to patch it, pass it: build a Hub with a frozen clock and a `send` that plays the bank",
        broken_at=_patches,
        within=("tests",),
        sample_path="tests/test_sample.py",
        samples=("from unittest import mock", "from unittest.mock import patch", "monkeypatch.setattr(x, 'y', 1)"),
    ),
)
