"""Every connector has a page that tells an operator what to ask for, set, try and expect."""

import re
from pathlib import Path

import pytest

from paygw.kernel.connector import Connector
from tests.conformance.pairs import CONNECTORS
from tests.house.sources import ROOT

PAGES = ROOT / "docs" / "api" / "banks"
REAL = [connector for name, connector in sorted(CONNECTORS.items()) if name != "sandbox"]
each_connector = pytest.mark.parametrize("connector", REAL, ids=lambda connector: connector.name)


def page(connector: Connector) -> str:
    """Its page."""
    return Path(PAGES / f"{connector.name}.md").read_text(encoding="utf-8")


@each_connector
@pytest.mark.parametrize("heading", ["What to ask ", "Settings", "Before going live", "Quirks"])
def test_a_page_has_what_an_operator_needs(connector: Connector, heading: str) -> None:
    assert re.search(rf"^## {heading}", page(connector), re.MULTILINE)


@each_connector
def test_a_page_names_every_setting_and_the_command_that_gives_them(connector: Connector) -> None:
    told = page(connector)

    assert f"--connector {connector.name} --base-url" in told
    assert not [one.name for one in connector.credentials if f"`{one.name}`" not in told]


@each_connector
def test_a_page_says_how_sure_the_protocol_is_as_the_connector_does(connector: Connector) -> None:
    graded = re.search(r"^\| Grade \| \*\*([ABC])\*\*", page(connector), re.MULTILINE)

    assert graded
    assert graded[1] == connector.grade


@each_connector
def test_a_quirk_has_its_source(connector: Connector) -> None:
    quirks = page(connector).partition("## Quirks")[2]

    assert "| quirk | source | what we do |" in quirks
    assert all(row.count("|") >= 4 for row in quirks.splitlines() if row.startswith("|"))


@each_connector
def test_a_list_for_going_live_is_there_to_be_ticked(connector: Connector) -> None:
    steps = page(connector).partition("## Before going live")[2].partition("\n## ")[0]

    assert len(re.findall(r"^- \[ \] ", steps, re.MULTILINE)) >= 3
