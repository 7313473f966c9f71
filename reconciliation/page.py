"""report.html: one file for people, without scripts or anything from elsewhere; Vietnamese first, English beside it."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any, Final

from paygw.kernel.words import format_vnd
from reconciliation.model import Break, BreakKind
from reconciliation.words import FILES_VI, WORDS

SHOWN_MAX: Final = 1_000  # breaks in the page; breaks.csv and report.xlsx have all

_BAR_PX: Final = 420
_ROW_PX: Final = 28
_NAME_PX: Final = 250

_STYLE: Final = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;margin:.2em 0}h2{font-size:1.2rem;margin:1.6em 0 .4em}[lang=en]{opacity:.8}
table{border-collapse:collapse;width:100%}caption{text-align:left;padding:.4em 0}
th,td{text-align:left;vertical-align:top;padding:.35em .6em;border-bottom:1px solid #8886}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.scroll{overflow-x:auto}
.sums{display:flex;flex-wrap:wrap;gap:.6rem;padding:0;list-style:none}
.sums li{border:1px solid #8886;border-radius:.5rem;padding:.5rem .9rem}.sums b{display:block;font-size:1.4rem}
svg text{fill:currentColor;font:14px system-ui,sans-serif}
"""


def render_page(summary: Mapping[str, Any], breaks: Sequence[Break]) -> str:
    """The whole page."""
    return "".join(
        (
            '<!doctype html><html lang="vi"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>Kết quả đối soát</title><style>{_STYLE}</style></head><body><main>",
            "<h1>Kết quả đối soát</h1>",
            _en("p", "Reconciliation: what matched, what did not, and the safe next step."),
            *_sums(summary),
            *_files(summary),
            *_chart(summary["breaks"]["by_kind"]),
            *_meanings(summary["breaks"]["by_kind"]),
            *_breaks(breaks),
            "</main></body></html>\n",
        )
    )


def _sums(summary: Mapping[str, Any]) -> Iterator[str]:
    told = (
        ("Khớp", "matched", summary["matches"]["confirmed"]),
        ("Chênh lệch", "breaks", summary["breaks"]["total"]),
        ("Gợi ý", "suggested", summary["matches"]["suggested"]),
        ("Chờ kỳ sau", "waiting", summary["waiting"]["count"]),
    )
    yield '<ul class="sums">'
    for vi, en, count in told:
        yield f"<li><b>{_count(count)}</b>{vi} {_en('span', en)}</li>"
    yield "</ul>"


def _files(summary: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>Tệp {_en('span', 'Files')}</h2><div class=scroll><table><thead><tr>"
    yield "<th scope=col>Vai trò</th><th scope=col>Tên</th><th scope=col class=n>Số dòng</th>"
    yield "<th scope=col class=n>Tổng</th></tr></thead><tbody>"
    for name, one in summary["files"].items():
        yield f"<tr><th scope=row>{FILES_VI[name]} {_en('span', name)}</th><td>{escape(one['name'])}</td>"
        yield f"<td class=n>{_count(one['rows'])}</td><td class=n>{format_vnd(one['total_vnd'])}</td></tr>"
    yield "</tbody></table></div>"
    period = summary["period"]
    if period:
        yield f"<p>Kỳ quyết toán {_en('span', 'settlement days')}: {period['first']} – {period['last']}</p>"


def _chart(by_kind: Mapping[str, Any]) -> Iterator[str]:
    if not by_kind:
        yield f"<p><strong>Không có chênh lệch.</strong> {_en('span', 'No breaks.')}</p>"
        return
    most = max(found["count"] for found in by_kind.values())
    height = _ROW_PX * len(by_kind)
    yield f"<h2>Chênh lệch theo loại {_en('span', 'Breaks by kind')}</h2>"
    yield f'<div class=scroll><svg role="img" aria-labelledby="chart-title" width="{_NAME_PX + _BAR_PX + 90}" '
    yield f'height="{height}"><title id="chart-title">Số chênh lệch theo loại; bảng bên dưới có cùng số liệu. '
    yield "Number of breaks by kind; the table below has the same figures.</title>"
    for row, (kind, found) in enumerate(by_kind.items()):
        top, width = row * _ROW_PX, max(2, found["count"] * _BAR_PX // most)
        yield f'<text x="0" y="{top + 19}">{escape(WORDS[BreakKind(kind)].name_vi)}</text>'
        yield f'<rect x="{_NAME_PX}" y="{top + 5}" width="{width}" height="{_ROW_PX - 10}" fill="#2f6fb3" rx="3"/>'
        yield f'<text x="{_NAME_PX + width + 8}" y="{top + 19}">{_count(found["count"])}</text>'
    yield "</svg></div>"


def _meanings(by_kind: Mapping[str, Any]) -> Iterator[str]:
    if not by_kind:
        return
    yield "<div class=scroll><table><thead><tr><th scope=col>Loại</th><th scope=col class=n>Số</th>"
    yield "<th scope=col class=n>Giá trị</th><th scope=col>Nguyên nhân thường gặp</th>"
    yield "<th scope=col>Bước an toàn tiếp theo</th></tr></thead><tbody>"
    for kind, found in by_kind.items():
        words = WORDS[BreakKind(kind)]
        yield f"<tr><th scope=row>{words.name_vi}<br>{_en('span', words.name_en)}<br><code>{kind}</code></th>"
        yield f"<td class=n>{_count(found['count'])}</td><td class=n>{format_vnd(found['at_risk_vnd'])}</td>"
        yield f"<td>{words.means_vi} {words.cause_vi}<br>{_en('span', f'{words.means_en} {words.cause_en}')}</td>"
        yield f"<td>{words.next_vi}<br>{_en('span', words.next_en)}</td></tr>"
    yield "</tbody></table></div>"


def _breaks(breaks: Sequence[Break]) -> Iterator[str]:
    if not breaks:
        return
    shown = min(len(breaks), SHOWN_MAX)
    yield f"<h2>Từng chênh lệch {_en('span', 'Each break')}</h2><div class=scroll><table>"
    yield f"<caption>{_count(shown)} / {_count(len(breaks))}; đầy đủ trong breaks.csv"
    yield f" {_en('span', 'all of them in breaks.csv')}"
    yield "</caption><thead><tr><th scope=col>Loại</th><th scope=col>Mã tham chiếu</th>"
    yield "<th scope=col>Giao dịch ngân hàng</th><th scope=col class=n>Sổ</th><th scope=col class=n>Sao kê</th>"
    yield "<th scope=col>Chi tiết</th></tr></thead><tbody>"
    for one in islice(breaks, SHOWN_MAX):
        yield f"<tr><td>{WORDS[one.break_kind].name_vi}<br><code>{one.break_kind.value}</code></td>"
        yield f"<td>{escape(one.ref)}</td><td>{escape(one.bank_txn_id)}</td>"
        yield f"<td class=n>{_vnd(one.book_amount_vnd)}</td><td class=n>{_vnd(one.statement_amount_vnd)}</td>"
        yield f"<td lang=en>{escape(one.detail)}</td></tr>"
    yield "</tbody></table></div>"


def _en(tag: str, text: str) -> str:
    return f'<{tag} lang="en">{escape(text)}</{tag}>'


def _vnd(amount_vnd: int | None) -> str:
    return "–" if amount_vnd is None else format_vnd(amount_vnd)


def _count(count: int) -> str:
    return f"{count:,}".replace(",", ".")
