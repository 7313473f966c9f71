"""A what-if as a picture and a page: revenue now and then, bar by bar, readable without colours."""

from collections.abc import Sequence
from html import escape
from typing import Final

from paygw.kernel.fees.simulate import Line, Outcome

Rows = Sequence[tuple[str, Line]]

_WIDTH: Final = 720
_LABEL_WIDTH: Final = 240
_BAR_HEIGHT: Final = 14
_ROW_HEIGHT: Final = 44
_ROWS_MAX: Final = 40

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#14202b}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.4rem;border-bottom:1px solid #b9c4ce;text-align:right}"
    "th:first-child{text-align:left}svg{max-width:100%;height:auto}"
)


def rows_of(outcome: Outcome) -> list[tuple[str, Line]]:
    """Lines by the size of their change, the largest first."""
    named = [(" · ".join(part for part in key if part), line) for key, line in outcome.lines.items()]
    return sorted(named, key=lambda row: (-abs(row[1].change_vnd), row[0]))


def svg(rows: Rows) -> str:
    """Two bars per line that changes (every line if none does): revenue now (outlined), as proposed (filled)."""
    shown = ([row for row in rows if row[1].change_vnd] or rows)[:_ROWS_MAX]
    most = max((max(line.now_vnd, line.then_vnd) for _, line in shown), default=1) or 1
    height = _ROW_HEIGHT * len(shown) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img"',
        ' aria-label="Thu hiện nay và theo đề xuất" font-family="system-ui, sans-serif" font-size="12">',
        f'<rect x="{_LABEL_WIDTH}" y="8" width="14" height="12" fill="none" stroke="#14202b"/>',
        f'<text x="{_LABEL_WIDTH + 20}" y="18">hiện nay</text>',
        f'<rect x="{_LABEL_WIDTH + 100}" y="8" width="14" height="12" fill="#0b4f8a"/>',
        f'<text x="{_LABEL_WIDTH + 120}" y="18">đề xuất</text>',
    ]
    for number, (label, line) in enumerate(shown):
        top = 32 + number * _ROW_HEIGHT
        parts.append(f'<text x="0" y="{top + 18}">{escape(label[:38])}</text>')
        for offset, vnd, look in (
            (0, line.now_vnd, 'fill="none" stroke="#14202b"'),
            (_BAR_HEIGHT + 2, line.then_vnd, 'fill="#0b4f8a"'),
        ):
            width = vnd * (_WIDTH - _LABEL_WIDTH - 130) // most
            parts.append(
                f'<rect x="{_LABEL_WIDTH}" y="{top + offset}" width="{width}" height="{_BAR_HEIGHT}" {look}/>'
                f'<text x="{_LABEL_WIDTH + width + 6}" y="{top + offset + 11}">{_figure(vnd)}</text>'
            )
    return "".join([*parts, "</svg>"])


def html(rows: Rows, told: Sequence[tuple[str, int]]) -> str:
    """A page that stands alone: the sums, the picture, the table."""
    sums = "".join(f"<li>{escape(name)}: <strong>{_figure(value)}</strong></li>" for name, value in told)
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th><td>{_figure(line.dossiers)}</td><td>{_figure(line.now_vnd)}</td>'
        f"<td>{_figure(line.then_vnd)}</td><td>{_figure(line.change_vnd)}</td></tr>"
        for label, line in rows
    )
    heads = ("Khoản thu", "Hồ sơ", "Hiện nay (đồng)", "Đề xuất (đồng)", "Chênh lệch (đồng)")
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>Tác động của biểu mức thu đề xuất</title>'
        f"<style>{_STYLE}</style></head><body><main><h1>Tác động của biểu mức thu đề xuất</h1><ul>{sums}</ul>"
        f"{svg(rows)}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></main></body></html>"
    )


def _figure(value: int) -> str:
    return f"{value:,}".replace(",", ".")
