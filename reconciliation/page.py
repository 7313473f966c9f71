"""report.html: one file for people, without scripts or anything from elsewhere; Vietnamese first, English beside it."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any, Final

from paygw.kernel.words import format_vnd
from reconciliation.charges import FEE_MAX_VND
from reconciliation.model import Break, BreakKind
from reconciliation.sentences import in_vietnamese
from reconciliation.words import FILES_VI, ROLES, WORDS

SHOWN_MAX: Final = 1_000  # breaks in the page; breaks.csv and report.xlsx have all

_BAR_PERCENT: Final = 85  # beside the longest bar stands its figure
_STYLE: Final = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;margin:.2em 0}h2{font-size:1.2rem;margin:1.6em 0 .4em}[lang=en]{opacity:.8;font-weight:400}
table{border-collapse:collapse;width:100%}caption{text-align:left;padding:.4em 0}
th,td{text-align:left;vertical-align:top;padding:.35em .6em;border-bottom:1px solid #8886}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.scroll{overflow-x:auto}
.detail{min-width:16rem}.name{overflow-wrap:anywhere;min-width:9rem}td p{margin:0}
.sums{display:flex;flex-wrap:wrap;gap:.6rem;padding:0;list-style:none}
.sums li{border:1px solid #8886;border-radius:.5rem;padding:.5rem .9rem;flex:1 1 7rem}
.sums b{display:block;font-size:1.4rem}
.bars{padding:0;list-style:none}
.bars li{display:grid;grid-template-columns:min(45%,18rem) 1fr;gap:.2rem .8rem;padding:.15rem 0}
.bars span{display:flex;align-items:center;gap:.5rem}
.bars i{background:#2f6fb3;border-radius:3px;height:1.1rem;min-width:2px}
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
            *_tariffs(summary["tariffs"]),
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
    yield f"<h2>Tệp {_en('span', 'Files')}</h2>"
    yield from _table_head(
        "Tệp", ("Vai trò", "Role"), ("Tên", "Name"), ("Số dòng", "Rows"), ("Tổng", "Total"), figures=2
    )
    role_vi, role_en = ROLES.get(summary["third_file_is"] or "", ("", ""))
    for name, one in summary["files"].items():
        vi, en = (f": {role_vi}", f": {role_en}") if name == "third" else ("", "")
        yield f"<tr><th scope=row>{FILES_VI[name]}{vi} {_en('span', name + en)}</th>"
        figures = _figures(_count(one["rows"]), format_vnd(one["total_vnd"]))
        yield f"<td class=name>{escape(one['name'])}</td>{figures}</tr>"
    yield "</tbody></table></div>"
    period = summary["period"]
    if period:
        days = f"{_day(period['first'])} – {_day(period['last'])}"
        yield f"<p>Kỳ quyết toán {_en('span', 'settlement days')}: {days}</p>"
    for note in summary["notes"]:
        yield f"<p>{escape(in_vietnamese(note) or '')} {_en('span', note)}</p>"


def _tariffs(tariffs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """By which rules fees were judged: given, or read off the file."""
    if not tariffs:
        return
    yield f"<h2>Biểu phí dùng để so {_en('span', 'Tariffs that fees were held against')}</h2>"
    heads = (("Mã ngân hàng", "Bank"), ("Cố định", "Fixed"), ("Tỷ lệ", "Rate"), ("Từ", "From"), ("Đến", "To"))
    yield from _table_head("Biểu phí", *heads, figures=4)
    for one in tariffs:
        most = "–" if one["max_vnd"] == FEE_MAX_VND else format_vnd(one["max_vnd"])
        bounds = format_vnd(one["min_vnd"]), most
        yield f"<tr><th scope=row>{escape(one['prefix']) or 'mọi ngân hàng'}</th>"
        yield _figures(format_vnd(one["fixed_vnd"]), _percent(one["rate_ppm"]), *bounds) + "</tr>"
    yield "</tbody></table></div>"


def _chart(by_kind: Mapping[str, Any]) -> Iterator[str]:
    if not by_kind:
        yield f"<p><strong>Không có chênh lệch.</strong> {_en('span', 'No breaks.')}</p>"
        return
    most = max(found["count"] for found in by_kind.values())
    yield f"<h2>Chênh lệch theo loại {_en('span', 'Breaks by kind')}</h2><ul class=bars>"
    for kind, found in by_kind.items():
        share = found["count"] * _BAR_PERCENT // most
        yield f'<li>{WORDS[BreakKind(kind)].name_vi}<span><i aria-hidden=true style="width:{share}%"></i>'
        yield f"{_count(found['count'])}</span></li>"
    yield "</ul>"


def _meanings(by_kind: Mapping[str, Any]) -> Iterator[str]:
    if not by_kind:
        return
    cause, step = ("Nguyên nhân thường gặp", "Usual cause"), ("Bước an toàn tiếp theo", "Safe next step")
    yield from _table_head(
        "Các loại chênh lệch", ("Loại", "Kind"), ("Số", "Count"), ("Giá trị", "At risk"), cause, step, figures=(1, 2)
    )
    for kind, found in by_kind.items():
        words = WORDS[BreakKind(kind)]
        yield f"<tr><th scope=row>{words.name_vi}<br>{_en('span', words.name_en)}<br><code>{kind}</code></th>"
        yield _figures(_count(found["count"]), format_vnd(found["at_risk_vnd"]))
        yield f"<td class=detail>{words.means_vi} {words.cause_vi}<br>"
        yield f"{_en('span', f'{words.means_en} {words.cause_en}')}</td>"
        yield f"<td class=detail>{words.next_vi}<br>{_en('span', words.next_en)}</td></tr>"
    yield "</tbody></table></div>"


def _breaks(breaks: Sequence[Break]) -> Iterator[str]:
    if not breaks:
        return
    shown = min(len(breaks), SHOWN_MAX)
    yield f"<h2>Từng chênh lệch {_en('span', 'Each break')}</h2>"
    everything = _en("span", "all of them in breaks.csv")
    yield f"<p>{_count(shown)} / {_count(len(breaks))}; đầy đủ trong breaks.csv {everything}</p>"
    names = (("Loại", "Kind"), ("Mã tham chiếu", "Reference"), ("Giao dịch ngân hàng", "Bank transaction"))
    sums = (("Sổ", "Book"), ("Sao kê", "Statement"))
    yield from _table_head("Từng chênh lệch", *names, *sums, ("Chi tiết", "Detail"), figures=(3, 4))
    for one in islice(breaks, SHOWN_MAX):
        vi = in_vietnamese(one.detail)
        yield f"<tr><td>{WORDS[one.break_kind].name_vi}<br><code>{one.break_kind.value}</code></td>"
        yield f"<td class=name>{escape(one.ref)}</td><td class=name>{escape(one.bank_txn_id)}</td>"
        yield _figures(_vnd(one.book_amount_vnd), _vnd(one.statement_amount_vnd))
        yield f"<td class=detail>{'' if vi is None else f'<p>{escape(vi)}</p>'}{_en('p', one.detail)}</td></tr>"
    yield "</tbody></table></div>"


def _table_head(label: str, *heads: tuple[str, str], figures: int | tuple[int, ...]) -> Iterator[str]:
    """A table that can be scrolled by keyboard too; `figures` are the columns of figures, or how many stand last."""
    right = figures if isinstance(figures, tuple) else range(len(heads) - figures, len(heads))
    yield f'<div class=scroll tabindex=0 role=region aria-label="{label}"><table><thead><tr>'
    for column, (vi, en) in enumerate(heads):
        yield f"<th scope=col{' class=n' if column in right else ''}>{vi} {_en('span', en)}</th>"
    yield "</tr></thead><tbody>"


def _figures(*cells: str) -> str:
    return "".join(f"<td class=n>{cell}</td>" for cell in cells)


def _en(tag: str, text: str) -> str:
    return f'<{tag} lang="en">{escape(text)}</{tag}>'


def _vnd(amount_vnd: int | None) -> str:
    return "–" if amount_vnd is None else format_vnd(amount_vnd)


def _day(day: str) -> str:
    return "/".join(reversed(day.split("-")))


def _percent(rate_ppm: int) -> str:
    """Parts per million as percent, written as in Vietnam."""
    whole, part = divmod(rate_ppm, 10_000)
    return f"{whole},{part:04}".rstrip("0").rstrip(",") + " %"


def _count(count: int) -> str:
    return f"{count:,}".replace(",", ".")
