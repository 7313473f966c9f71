"""The runbook of alerts: a section per alert and no other, each with commands that exist."""

import re
import shlex
from typing import Any

import pytest
import typer.main
import yaml
from typer.testing import CliRunner

from paygw.cli.root import _VERBS, command_line
from tests.deploy.promql import ALERTS
from tests.house.sources import ROOT

TEXT = (ROOT / "docs" / "runbooks" / "alerts.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]}
BLOCKS = re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
LINES = sorted({line.split("   ")[0] for block in BLOCKS for line in block.splitlines() if line})
OURS = [line for line in LINES if line.startswith("paygw ")]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text("utf-8"))["services"]
OTHERS = {"timedatectl status", "df -h", "docker system df"}


def spoken(line: str) -> tuple[Any, list[str]]:
    """The command of the command line that a line means, and the words given to it."""
    program, verb, *words = shlex.split(line)
    assert program == "paygw"
    assert verb in _VERBS
    command: Any = typer.main.get_command(command_line([verb]))
    words = [verb, *words]
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    assert sorted(SECTIONS) == sorted(ALERTS)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_it_in_vietnamese_and_what_to_type(name: str) -> None:
    said, _, rest = SECTIONS[name].partition(" · ")

    assert re.search("[ăâđêôơưáàảãạéèẻẽẹíìỉĩịóòỏõọúùủũụýỳỷỹỵ]", said)
    assert "\n```\n" in rest


@pytest.mark.parametrize("line", OURS)
def test_a_command_is_understood_with_its_options(line: str) -> None:
    command, words = spoken(line)

    with command.make_context(command.name, words) as understood:
        assert understood.params


@pytest.mark.parametrize("line", ["paygw audit verify --nothing", "paygw bank rotate-secret --secret NEW"])
def test_a_command_that_is_none_is_found(line: str) -> None:
    _, verb, *words = shlex.split(line)

    assert CliRunner().invoke(command_line([verb]), [verb, *words]).exit_code == 2


@pytest.mark.parametrize("line", sorted(set(LINES) - set(OURS) - OTHERS))
def test_any_other_command_speaks_of_services_that_exist(line: str) -> None:
    found = re.fullmatch(r"docker compose -f deploy/compose.yaml (ps|restart|logs --since \d+[mh])((?: [a-z]+)*)", line)

    assert found
    assert set(found.group(2).split()) <= set(SERVICES)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_a_link_leads_somewhere(target: str) -> None:
    path, _, place = target.partition("#")

    assert not path or (ROOT / "docs/runbooks" / path).exists()
    assert not place or place in {name.lower() for name in SECTIONS}
