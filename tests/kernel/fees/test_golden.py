"""The worked examples every evaluator of this catalogue must reproduce, and the requests it must refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

from paygw.kernel.fees.catalogue import Catalogue, load_catalogue, parse_catalogue, quote_line
from paygw.kernel.fees.errors import BadCatalogue

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "tests" / "fixtures" / "fees"


def _lines(name: str, *, load: bool = False) -> list[Any]:
    lines = [json.loads(text) for text in (EXAMPLES / name).read_text(encoding="utf-8").splitlines()]
    return [pytest.param(line, id=line["id"]) for line in lines if ("load" in line) == load]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(ROOT / "paygw" / "catalogue" / "fees")


@pytest.mark.parametrize("line", _lines("golden.jsonl"))
def test_worked_example_comes_out_to_the_dong(catalogue: Catalogue, line: dict[str, Any]) -> None:
    assert quote_line(catalogue, line) == line["expect"]


@pytest.mark.parametrize("line", _lines("invalid.jsonl"))
def test_bad_request_is_refused_by_the_first_check_it_fails(catalogue: Catalogue, line: dict[str, Any]) -> None:
    assert quote_line(catalogue, line) == {"error": line["error"]}


@pytest.mark.parametrize("line", _lines("invalid.jsonl", load=True))
def test_bad_catalogue_is_refused_at_load(line: dict[str, Any]) -> None:
    with pytest.raises(BadCatalogue) as refused:
        parse_catalogue({"bad.yaml": json.dumps({"schema": "paygw.fees/v1", "procedures": [line["load"]]})})

    assert refused.value.kind == line["error"]
    assert refused.value.at.startswith("bad.yaml:")
    assert refused.value.path
    assert refused.value.message.endswith(".")


def test_every_example_is_run() -> None:
    assert len(_lines("golden.jsonl")) == 186
    assert len(_lines("invalid.jsonl")) + len(_lines("invalid.jsonl", load=True)) == 54
