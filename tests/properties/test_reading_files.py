"""Whatever bytes come in, reading a file ends in a staged file or in a refusal, never in anything else."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciliation.statements.errors import WORDS, BadFile
from reconciliation.statements.read import read_file
from reconciliation.statements.staged import StagedFile
from tests.reconciliation.statements.shipped import PROFILES

_VECTORS = Path(__file__).parents[1] / "fixtures" / "vectors"

_MT940 = json.loads((_VECTORS / "mt940.json").read_text(encoding="utf-8"))["vectors"][0]["input"]["text"]
_CAMT = json.loads((_VECTORS / "iso20022_camt.json").read_text(encoding="utf-8"))["vectors"][0]["input"]["xml"]
_STATEMENT = (
    "Số tài khoản: 0011;;;\nSố tham chiếu;Ngày giao dịch;Ghi nợ;Ghi có;Số dư;Nội dung\n"
    "FT1;20/11/2026 08:00:00;;150.000;150.000;nộp lệ phí\nTổng cộng;;0;150.000\n"
)
_SETTLEMENT = (
    "Mã giao dịch,Mã đơn hàng,Loại giao dịch,Số tiền,Phí,Trạng thái,Thời gian giao dịch\n"
    "T1,P1,Thanh toán,150000,1100,Thành công,20/11/2026 08:00:00\nTổng cộng,,,150000,1100,,\n"
)
SAMPLES = {
    "mt940": _MT940.encode(),
    "camt": _CAMT.encode(),
    "vi-statement": _STATEMENT.encode(),
    "vi-settlement": _SETTLEMENT.encode(),
}
_JUNK = (b"\x00", b"\xff", b"\n", b"\r", b'"', b"'", b",", b";", b"|", b"-", b"9" * 30, b":61:", b"<", b">",
         b"\xef\xbb\xbf", "\u0661".encode(), "\u202e".encode(), b"=1+1", b"1e9", b"NaN", b"\xcc\x81")  # fmt: skip


def outcome(data: bytes, profile: str) -> StagedFile | BadFile:
    """What reading comes to; anything but a staged file or a refusal is raised."""
    try:
        return read_file(data, PROFILES[profile])
    except BadFile as bad:
        return bad


def spoilt(data: bytes, random: Random) -> bytes:
    """A file with a few bytes cut, doubled, changed or put in."""
    for _ in range(random.randint(1, 4)):
        at, to = sorted((random.randint(0, len(data)), random.randint(0, len(data))))
        data = random.choice(
            (
                data[:at] + data[to:],
                data[:at] + data[at:to] * 2 + data[to:],
                data[:at] + random.choice(_JUNK) + data[at:],
                data[:at] + random.choice(_JUNK) + data[at + 1 :],
                data[:at],
            )
        )
    return data


@pytest.mark.parametrize("profile", SAMPLES)
def test_the_samples_themselves_are_read(profile: str) -> None:
    assert isinstance(outcome(SAMPLES[profile], profile), StagedFile)


@pytest.mark.parametrize("profile", [*SAMPLES, "sandbox-statement", "sandbox-settlement"])
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(profile: str, data: bytes) -> None:
    found = outcome(data, profile)

    assert isinstance(found, StagedFile) or found.code in WORDS


@pytest.mark.parametrize("profile", SAMPLES)
@settings(max_examples=400)
@given(random=st.randoms(use_true_random=False))
def test_a_spoilt_file_is_read_or_refused_with_both_sentences(profile: str, random: Random) -> None:
    found = outcome(spoilt(SAMPLES[profile], random), profile)

    if isinstance(found, BadFile):
        assert found.vi()
        assert found.en()
        assert found.line is None or found.line >= 1


@pytest.mark.parametrize("profile", ["mt940", "camt"])
@settings(max_examples=300)
@given(at=st.integers(min_value=0), digit=st.sampled_from(b"0123456789"))
def test_an_amount_changed_anywhere_never_moves_the_balance_unseen(profile: str, at: int, digit: int) -> None:
    data = SAMPLES[profile]
    places = [place for place, byte in enumerate(data) if chr(byte).isdigit()]
    place = places[at % len(places)]
    changed = data[:place] + bytes((digit,)) + data[place + 1 :]

    found, before = outcome(changed, profile), outcome(data, profile)

    assert isinstance(before, StagedFile)
    if isinstance(found, StagedFile):
        told, was = found.statements[0], before.statements[0]
        assert (told.closing_vnd or 0) - (told.opening_vnd or 0) == told.made.net_vnd
        assert told.made.net_vnd == was.made.net_vnd
