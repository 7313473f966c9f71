"""Payment orders against the schema of ISO 20022 and against messages an independent library had read strictly."""

import json
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from paygw.kernel.errors import Refused
from paygw.outside.pain001 import NAMESPACE, Party, Transfer, build

VECTORS = json.loads(
    (Path(__file__).parent.parent / "fixtures/vectors/iso20022_pain001.json").read_text(encoding="utf-8")
)
SCHEMA = etree.XMLSchema(file=str(files("sepaxml") / "schemas" / "pain.001.001.09.xsd"))
DEBTOR = Party(name="KHO BAC NHA NUOC", account="0011001234567", bank="BFTVVNVX")
MADE_AT = datetime.fromisoformat("2026-01-16T09:00:00+07:00")


def made(message_id: str, transfers: list[Transfer]) -> bytes:
    return build(message_id, transfers, debtor=DEBTOR, made_at=MADE_AT, on=date(2026, 1, 16), initiator="PAYGW")


def transfer(**changes: Any) -> Transfer:  # noqa: ANN401 - fields of a transfer
    fields: dict[str, Any] = {
        "end_to_end_id": "RF-1",
        "amount_vnd": 1,
        "to": Party(name="B", account="456", bank="BIDVVNVX"),
        "remittance": "Hoan le phi",
    }
    return Transfer(**{**fields, **changes})


def leaves(xml: bytes | str) -> list[tuple[str, str]]:
    """Every path with its text, but for the id of the one payment block, which is ours to choose."""
    root = etree.fromstring(xml if isinstance(xml, bytes) else xml.encode())
    found = [(root.getroottree().getelementpath(one), one.text or "") for one in root.iter() if not len(one)]
    return [(path, text) for path, text in found if not path.endswith("PmtInfId")]


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
def test_the_same_message_as_an_independent_library(vector: dict[str, Any]) -> None:
    given = [
        transfer(
            end_to_end_id=one["e2e"],
            amount_vnd=one["amt"],
            to=Party(name=one["name"], account=one["acc"], bank=one["bic"]),
            remittance=one["rmt"],
        )
        for one in vector["input"]["transfers"]
    ]
    wanted = vector["expected"]["xml"]
    message_id = etree.fromstring(wanted.encode()).findtext(f".//{{{NAMESPACE}}}MsgId")

    xml = made(str(message_id), given)

    assert leaves(xml) == leaves(wanted)
    SCHEMA.assertValid(etree.fromstring(xml))


def test_a_treasury_unit_without_bic_is_valid_too() -> None:
    xml = made("PO1", [transfer(to=Party(name="KBNN Hà Nội <&>", account="7111", bank="01701001"))])

    SCHEMA.assertValid(etree.fromstring(xml))
    assert "KBNN Hà Nội <&>" in dict(leaves(xml)).values()


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [transfer(amount_vnd=0)],
        [transfer(), transfer()],
        [transfer(end_to_end_id="x" * 36)],
        [transfer(end_to_end_id="RF_1")],
        [transfer(remittance="")],
        [transfer(to=Party(name=" ", account="1", bank="BIDVVNVX"))],
        [transfer(to=Party(name="B", account="", bank="BIDVVNVX"))],
    ],
)
def test_what_the_standard_does_not_take(bad: list[Transfer]) -> None:
    with pytest.raises(Refused, match="invalid_value"):
        made("PO1", bad)
