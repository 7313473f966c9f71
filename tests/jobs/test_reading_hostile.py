"""Files made to harm: each is refused by the reader's process, which ends by itself and stays small."""

import io
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from openpyxl import Workbook

from paygw.jobs.reading import Bounds, answers, command, framed, opened, read_apart
from reconciliation.statements.errors import BadFile
from reconciliation.statements.staged import FILE_BYTES_MAX
from reconciliation.statements.table import Given
from tests.reconciliation.statements.shipped import PROFILES

_MIB = 1024 * 1024
_PEAK_MAX_MIB = 400
_HEAD = "Số tham chiếu;Ngày giao dịch;Ghi nợ;Ghi có\n"
_XLSX = "http://schemas.openxmlformats.org"
_PARTS = {
    "[Content_Types].xml": f"""<?xml version="1.0"?><Types xmlns="{_XLSX}/package/2006/content-types">
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<?xml version="1.0"?><Relationships xmlns="{_XLSX}/package/2006/relationships">
<Relationship Id="r1" Type="{_XLSX}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>
</Relationships>""",
    "xl/workbook.xml": f"""<?xml version="1.0"?><workbook xmlns="{_XLSX}/spreadsheetml/2006/main"
 xmlns:r="{_XLSX}/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>
</workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<?xml version="1.0"?><Relationships xmlns="{_XLSX}/package/2006/relationships">
<Relationship Id="r1" Type="{_XLSX}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>
</Relationships>""",
}
_SHEET = (
    f'<?xml version="1.0"?><worksheet xmlns="{_XLSX}/spreadsheetml/2006/main"><sheetData>{{}}</sheetData></worksheet>'
)
_CAMT = '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>{}</BkToCstmrStmt></Document>'

# Started from a small process: the peak the system reports counts from the memory of whoever made the process.
_MEASURE = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], env={}, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(child.pid, 0)
print(os.waitstatus_to_exitcode(status), used.ru_maxrss, file=sys.stderr)
"""


@dataclass(frozen=True)
class Ended:
    """How a reader ended: what it said, its exit status and its greatest memory in MiB."""

    code: str
    line: int | None
    status: int
    peak_mib: int


def _read(data: bytes, profile: str, bounds: Bounds | None = None) -> Ended:
    with tempfile.TemporaryFile() as given:
        given.write(framed(data, PROFILES[profile], Given(), bounds or Bounds()))
        given.seek(0)
        measured = [sys.executable, "-I", "-c", _MEASURE, *command()]
        ended = subprocess.run(measured, stdin=given, capture_output=True, check=True)
    status, peak_kib = map(int, ended.stderr.split())
    if status or not ended.stdout:
        return Ended("", None, status, peak_kib // 1024)
    try:
        opened(list(answers(ended.stdout))[-1])
    except BadFile as bad:
        return Ended(bad.code, bad.line, status, peak_kib // 1024)
    return Ended("read", None, status, peak_kib // 1024)


def _zipped(sheet: str | bytes, **more: str | bytes) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**_PARTS, "xl/worksheets/sheet1.xml": sheet, **more}.items():
            archive.writestr(name, text)
    return kept.getvalue()


def _bomb() -> bytes:
    """200 KB that inflate to 210 MB."""
    return _zipped(b"<" + b" " * (210 * _MIB))


def _lying_bomb() -> bytes:
    """A bomb whose directory says that it holds 10 bytes."""
    data = bytearray(_zipped(b"<" + b" " * (210 * _MIB)))
    size = (210 * _MIB + 1).to_bytes(4, "little")
    return bytes(data.replace(size, (10).to_bytes(4, "little")))


def _rows(count: int) -> bytes:
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(1, count + 1))
    return _zipped(_SHEET.format(rows))


def _formula() -> bytes:
    book = Workbook()
    page = book.active
    assert page is not None
    page.append(["Số tham chiếu", "Ngày giao dịch", "Ghi nợ", "Ghi có"])
    page.append(["A", "20/11/2026", None, "=1+1"])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


_ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
_LAUGHS = f'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a0 "ha">{_ENTITIES}]>' + _CAMT.format("&a9;")
_XXE = '<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _CAMT.format("&e;")

HOSTILE: dict[str, tuple[str, Callable[[], bytes], set[str]]] = {
    "zip bomb": ("vi-statement", _bomb, {"inflated"}),
    "zip bomb that lies": ("vi-statement", _lying_bomb, {"inflated", "workbook"}),
    "workbook cut short": ("vi-statement", lambda: _formula()[:2000], {"workbook"}),
    "formula": ("vi-statement", _formula, {"formula"}),
    "no workbook behind the mark": ("vi-statement", lambda: b"PK\x03\x04" + b"x" * 5000, {"workbook"}),
    "workbook with a DTD": ("vi-statement", lambda: _zipped(_LAUGHS), {"xml_dtd"}),
    "workbook with a DTD in UTF-16": ("vi-statement", lambda: _zipped(_LAUGHS.encode("utf-16")), {"xml_dtd"}),
    "one cell in the last row": (
        "vi-statement",
        lambda: _zipped(_SHEET.format('<row r="1048576"><c r="A1048576"><v>1</v></c></row>')),
        {"rows", "header_missing"},
    ),
    "one cell in the last column": (
        "vi-statement",
        lambda: _zipped(_SHEET.format('<row r="1"><c r="XFD1"><v>1</v></c></row>')),
        {"columns"},
    ),
    "300 000 rows": ("vi-statement", lambda: _rows(300_000), {"rows", "header_missing", "inflated"}),
    "a part ten levels up": (
        "vi-statement",
        lambda: _zipped(_SHEET.format(""), **{"../../../../tmp/paygw": "x"}),
        {"header_missing"},
    ),
    "billion laughs": ("camt", _LAUGHS.encode, {"xml_dtd"}),
    "external entity": ("camt", _XXE.encode, {"xml_dtd"}),
    "external entity in UTF-16": ("camt", lambda: _XXE.encode("utf-16"), {"xml_dtd"}),
    "deep XML": ("camt", lambda: _CAMT.format("<a>\n" * 100_000 + "</a>" * 10).encode(), {"xml"}),
    "a million attributes": (
        "camt",
        lambda: _CAMT.format("<a " + " ".join(f'b{n}="1"' for n in range(1_000_000)) + "/>").encode(),
        {"xml", "line_too_long", "resources"},
    ),
    "XML cut short": ("camt", _CAMT[:-20].encode, {"xml"}),
    "one huge field": ("vi-statement", lambda: b"x" * (15 * _MIB), {"line_too_long"}),
    "a million columns": ("vi-statement", lambda: b"a" + b";" * 1_000_000, {"line_too_long"}),
    "one quote never closed": (
        "vi-statement",
        lambda: _HEAD.encode() + b'"' + b"x\n" * 4_000_000,
        {"quoting", "cell_too_long"},
    ),
    "ten times the limit": ("vi-statement", lambda: b"x" * (10 * FILE_BYTES_MAX), {"too_large"}),
    "NUL bytes": ("vi-statement", lambda: b"\x00" * FILE_BYTES_MAX, {"control_character"}),
    "ten million lines of nothing": ("vi-statement", lambda: b"\n" * (10 * _MIB), {"empty"}),
    "ten million short lines": (
        "vi-statement",
        lambda: _HEAD.encode() + b"a;20/11/2026;;1\n" * 1_200_000,
        {"rows"},
    ),
    "combining marks without end": ("vi-statement", lambda: b"a" + b"\xcc\x81" * 9_000_000, {"line_too_long"}),
    "MT940 of one tag": ("mt940", lambda: b":20:x\n" * 3_000_000, {"mt940"}),
    "MT940 with an endless field": ("mt940", lambda: b":20:x\n" + b":86:x\nx\n" * 1 + b"x\n" * 9_000_000, {"mt940"}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_bounds(name: str) -> None:
    profile, make, codes = HOSTILE[name]

    ended = _read(make(), profile)

    assert ended.code in codes
    assert ended.status == 0
    assert ended.peak_mib < _PEAK_MAX_MIB


def test_a_reader_out_of_memory_says_so_or_dies_alone() -> None:
    ended = _read(_HEAD.encode() + b"a;20/11/2026;;1\n" * 150_000, "vi-statement", Bounds(memory_bytes=120 * _MIB))

    assert ended.code in {"resources", ""}
    assert ended.peak_mib <= 120


def test_a_reader_out_of_time_is_ended_by_the_system() -> None:
    ended = _read(_HEAD.encode() + b"a;20/11/2026;;1\n" * 190_000, "vi-statement", Bounds(cpu_s=1))

    assert ended.code == ""
    assert ended.status in {-signal.SIGKILL, -signal.SIGXCPU}


async def test_what_became_of_a_dead_reader_is_a_refusal() -> None:
    data = _HEAD.encode() + b"a;20/11/2026;;1\n" * 150_000

    with pytest.raises(BadFile) as caught:
        await read_apart(data, PROFILES["vi-statement"], Given(), Bounds(memory_bytes=120 * _MIB))

    assert caught.value.code == "resources"


async def test_a_reader_that_takes_too_long_is_ended() -> None:
    with pytest.raises(BadFile) as caught:
        await read_apart(b"x", PROFILES["vi-statement"], Given(), Bounds(wait_s=0))

    assert caught.value.code == "resources"


async def test_a_good_file_comes_back_whole() -> None:
    data = "\ufeff".encode() + (_HEAD + "FT1;20/11/2026;;150.000\n").encode()

    staged = await read_apart(data, PROFILES["vi-statement"], Given(account="0011"))

    assert [line.amount_vnd for line in staged.statements[0].lines] == [150_000]


def test_the_reader_sees_nothing_of_our_environment() -> None:
    assert "-I" in command()
