"""`paygw fees` on files: checks, worked examples, single quotes and batches, all without a database."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from paygw.cli.root import run

ROOT = Path(__file__).parents[2]
STARTER = ROOT / "paygw" / "catalogue" / "fees"
EXAMPLES = ROOT / "tests" / "fixtures" / "fees"


def _said(capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - parsed JSON
    return json.loads(capsys.readouterr().out)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("path", [STARTER, *sorted(STARTER.glob("*.yaml"))], ids=lambda path: path.name)
def test_starter_catalogue_is_sound_whole_and_file_by_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["fees", "check", str(path), "--json"])

    assert (code, _said(capsys)) == (0, {"ok": True})


def test_broken_file_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (STARTER / "police.yaml").read_text("utf-8").replace("split: treasury_100", "split: nobody", 1)
    (tmp_path / "police.yaml").write_text(text, "utf-8")
    (tmp_path / "profiles.yaml").write_bytes((STARTER / "profiles.yaml").read_bytes())
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "split: nobody" in row)

    code = run(["fees", "check", str(tmp_path / "police.yaml"), "--json"])

    said = _said(capsys)
    assert code == 1
    assert (said["error"], said["at"]) == ("bad_catalogue", f"police.yaml:{line}")
    assert said["path"].endswith("split")
    assert "nobody" in said["message"]


def test_missing_path_is_a_bad_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["fees", "check", str(tmp_path / "none.yaml"), "--json"])

    assert (code, _said(capsys)["error"]) == (1, "bad_catalogue")


@pytest.mark.parametrize("name", ["golden", "invalid"])
def test_batch_answers_every_example_in_its_own_shape(name: str, tmp_path: Path) -> None:
    asked, out = EXAMPLES / f"{name}.jsonl", tmp_path / "out.jsonl"

    code = run(["fees", "quote", "--batch", str(asked), "--out", str(out)])

    wanted = [{key: line[key] for key in ("id", "expect", "error") if key in line} for line in _lines(asked)]
    assert code == 0
    assert _lines(out) == wanted


def test_batch_goes_on_after_a_line_that_is_no_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = (EXAMPLES / "golden.jsonl").read_text("utf-8").splitlines()[0]
    asked, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    asked.write_text("\n".join(["{", "", "[" * 100_000, '"' + "x" * 2_000_000 + '"', good]), "utf-8")

    code = run(["fees", "quote", "--batch", str(asked), "--out", str(out)])

    assert code == 1
    assert [line.get("error", "quoted") for line in _lines(out)] == [*["bad_request"] * 3, "quoted"]
    assert "3 lines are not JSON objects" in capsys.readouterr().err


def test_batch_that_fails_leaves_the_old_answers_alone(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("before")

    code = run(["fees", "quote", "--batch", str(tmp_path / "missing"), "--out", str(out)])

    assert (code, out.read_text()) == (1, "before")


def test_other_catalogue_gives_other_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    procedure = {
        "code": "9.990001",
        "facts": {},
        "schedules": [
            {
                "id": "a",
                "jurisdiction": "VN",
                "effective_from": "2024-01-01",
                "components": [{"id": "phi", "type": "phi", "base": {"fixed": 1000}}],
            }
        ],
    }
    (tmp_path / "own.yaml").write_text(json.dumps({"schema": "paygw.fees/v1", "procedures": [procedure]}))

    code = run(
        [
            *("fees", "quote", "--procedure", "9.990001", "--as-of", "2026-01-01"),
            *("--catalogue", str(tmp_path), "--json"),
        ]
    )

    assert (code, _said(capsys)["total_vnd"]) == (0, 1000)


def test_quote_without_an_amount_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["fees", "quote", "--procedure", "1.004194", "--facts", '{"channel": "fax"}', "--json"])

    said = _said(capsys)
    assert (code, said["error"], said["fact"]) == (1, "bad_enum", "channel")


def test_examples_pass_and_a_wrong_one_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = _lines(EXAMPLES / "golden.jsonl")[0]
    line["expect"]["total"] += 1
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text(json.dumps(line))

    good = run(["fees", "test", str(EXAMPLES / "golden.jsonl"), str(EXAMPLES / "invalid.jsonl"), "--json"])
    passed = _said(capsys)
    bad = run(["fees", "test", str(wrong), "--json"])
    failed = _said(capsys)

    assert (good, passed) == (0, {"ok": True, "passed": 240, "failures": []})
    assert (bad, failed["failures"][0]["id"]) == (1, line["id"])


def _raise_reissue(folder: Path) -> None:
    """The starter's file of the police, with a reissued card at 80.000 instead of 70.000 đồng."""
    for name in ("police.yaml", "profiles.yaml", "labels.yaml"):
        text = (STARTER / name).read_text("utf-8")
        (folder / name).write_text(text.replace("{id: reissue, fixed: 70000}", "{id: reissue, fixed: 80000}"), "utf-8")


def test_what_if_over_questions_writes_a_page_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _raise_reissue(tmp_path)
    asked = ["fees", "simulate", "--proposed", str(tmp_path / "police.yaml"), "--facts", str(EXAMPLES / "golden.jsonl")]

    code = run([*asked, "--json", "--out", str(tmp_path / "out.html")])
    said = _said(capsys)
    run([*asked, "--json", "--out", str(tmp_path / "out.svg")])

    changed = {(line["procedure"], line["component"]) for line in said["lines"] if line["change_vnd"]}
    assert code == 0
    assert changed == {("2.001195", "le_phi")}
    assert said["more"] > 0
    assert said["dossiers"] == 186 == said["more"] + said["same"]
    assert "<svg" in (tmp_path / "out.html").read_text("utf-8")
    drawn = ET.fromstring((tmp_path / "out.svg").read_text("utf-8"))  # noqa: S314 - we drew it ourselves
    assert drawn.tag.endswith("svg")


def test_what_changed_is_told_entry_by_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _raise_reissue(tmp_path)

    code = run(["fees", "diff", str(STARTER / "police.yaml"), str(tmp_path / "police.yaml"), "--json"])

    changes = {row["schedule"]: row for row in _said(capsys)}
    assert code == 0
    assert set(changes) == {"cccd-2017", "cccd-2019", "cancuoc-2024"}
    assert changes["cancuoc-2024"]["days"] == ["2024-10-21.."]
    assert {(entry["old"], entry["new"]) for entry in changes["cancuoc-2024"]["entries"]} == {(70000, 80000)}
