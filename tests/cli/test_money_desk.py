"""The runbook of the money desk: each of its commands is one that the command line knows, with those options."""

import re
import shlex
from itertools import pairwise

import pytest
import typer.main

from paygw.cli.root import _VERBS, command_line
from paygw.hub.decisions import list_actions
from tests.house.sources import ROOT

TEXT = (ROOT / "docs" / "runbooks" / "money-desk.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
LINES = [line.split("   ")[0] for block in BLOCKS for line in block.splitlines() if line]


@pytest.mark.parametrize("line", LINES)
def test_a_command_is_known_with_its_options(line: str) -> None:
    program, group, *words = shlex.split(line)
    verb = typer.main.get_command(command_line([group]))
    command = verb.commands[group] if group in _VERBS else verb  # type: ignore[attr-defined]  # a group has commands
    if hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    known = {name for parameter in command.params for name in parameter.opts}

    given = {word for word in words if word.startswith("--")}
    needed = {one.opts[0] for one in command.params if one.required and one.opts[0].startswith("--")}

    assert program == "paygw"
    assert given <= known
    assert needed <= given


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("paygw decide propose")])
def test_a_decision_names_its_fields(line: str) -> None:
    _, _, _, name, *words = shlex.split(line)
    action = next(one for one in list_actions() if one["action"] == name)

    given = {value.partition("=")[0] for word, value in pairwise(words) if word == "--set"}

    assert set(action["needs"]) <= given <= {*action["needs"], *action["takes"]}
