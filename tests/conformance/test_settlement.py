"""The provider's file of a day is read whole or not at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paygw.kernel.connector import Malformed, SettlementFile
from paygw.simulators.files import SETTLEMENT_COLUMNS
from tests.conformance.pairs import CONNECTORS, PAIRS, SIDES, Pair

HEAD = ",".join(SETTLEMENT_COLUMNS)
LINES = (
    "A-1,FT1,payment,150000,1100,succeeded,2026-11-20T12:00:00+07:00,2026-11-21",
    "A-2,FT2,payment,20000,1100,succeeded,2026-11-20T12:30:00+07:00,2026-11-21",
    "R-1,RF1,refund,50000,0,succeeded,2026-11-20T13:00:00+07:00,2026-11-21",
)
TRAILER = "TRAILER,3,,220000,2200,,,2026-11-21"
each_pair = pytest.mark.parametrize("pair", [Pair(CONNECTORS[name], SIDES[name]) for name in PAIRS], ids=PAIRS)


def read(pair: Pair, *rows: str, start: bytes = b"", end: str = "\r\n") -> SettlementFile:
    """What the connector makes of a file of these rows."""
    if pair.connector.parse_settlement is None:
        pytest.skip("no settlement file in this protocol")
    return pair.connector.parse_settlement(start + "".join(row + end for row in rows).encode(), {})


def test_lines_and_totals_are_read(pair: Pair) -> None:
    file = read(pair, HEAD, *LINES, TRAILER)

    assert [(line.ref, line.kind, line.amount_vnd) for line in file.lines] == [
        ("A-1", "payment", 150_000),
        ("A-2", "payment", 20_000),
        ("R-1", "refund", 50_000),
    ]
    assert (file.count, file.total_vnd) == (3, 220_000)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["bare", "byte order mark"])
def test_its_form_does_not_matter(pair: Pair, start: bytes, end: str) -> None:
    assert read(pair, HEAD, *LINES, TRAILER, start=start, end=end) == read(pair, HEAD, *LINES, TRAILER)


def test_an_empty_day_is_a_file(pair: Pair) -> None:
    assert read(pair, HEAD, "TRAILER,0,,0,0,,,2026-11-21").lines == ()


@pytest.mark.parametrize(
    "rows",
    [
        (HEAD, *LINES, TRAILER.replace("220000", "220001")),
        (HEAD, *LINES[:2], TRAILER),
        (HEAD, *LINES, LINES[0], TRAILER),
        (HEAD, *LINES, LINES[0], "TRAILER,4,,370000,3300,,,2026-11-21"),
        (HEAD, *LINES),
        (*LINES, TRAILER),
    ],
    ids=["total", "missing line", "repeated line", "repeated and counted", "no trailer", "no head"],
)
def test_what_does_not_add_up_is_refused(pair: Pair, rows: tuple[str, ...]) -> None:
    with pytest.raises(Malformed):
        read(pair, *rows)


@each_pair
@settings(max_examples=40)
@given(body=st.binary(max_size=300))
def test_junk_is_malformed_and_nothing_else(pair: Pair, body: bytes) -> None:
    if pair.connector.parse_settlement is None:
        pytest.skip("no settlement file in this protocol")

    with pytest.raises(Malformed):
        pair.connector.parse_settlement(body, {})
