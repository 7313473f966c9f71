"""What a night did, for the person who reads it: steps and figures in words, and the next thing to do."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from paygw.kernel.words import format_vnd

STEPS: Final[Mapping[str, str]] = {
    "fetch": "Lấy tệp", "match": "Đối chiếu", "repair": "Bổ sung sổ", "rematch": "Đối chiếu lại",
    "settle": "Quyết toán", "close": "Khép lô", "watch": "Rà quá hạn", "resend": "Báo lại cổng",
    "minutes": "Biên bản",
}  # fmt: skip
_FIGURES: Final[Mapping[str, str]] = {
    "settlement": "dòng quyết toán", "statement": "dòng sao kê", "lines": "dòng", "matched": "khớp",
    "breaks": "chênh lệch", "opened": "chênh lệch mới", "closed": "tự hết", "to_tell": "dòng sẽ ghi bổ sung",
    "booked": "khoản ghi mới", "named": "khoản nhận ra đơn", "doubted": "khoản nghi ngờ", "waiting": "khoản còn chờ",
    "accepted": "ghi mới", "duplicate": "đã biết", "ignored": "bỏ qua", "wrong_amount": "khác số tiền",
    "unknown_order": "không rõ đơn", "settled": "dòng quyết toán mới", "known": "đã quyết toán trước",
    "evidence_only": "không hợp sổ, đã mở vụ việc", "homeless": "chưa rõ nơi nhận", "to_settle": "dòng sẽ quyết toán",
    "differs": "lô không khớp", "unclosed": "lô chưa khép", "stale": "khoản chờ quá hạn",
    "unclaimed": "dòng không ai nhận", "unapplied": "đơn cổng chưa ghi nhận", "sent": "đã gửi lại",
}  # fmt: skip
_MODES: Final = {"night": "đêm", "dry_run": "chạy thử, không ghi gì", "intraday": "trong ngày, không quyết toán"}
_CHANGES: Final = (
    ("match", "opened"), ("rematch", "opened"), ("settle", "settled"), ("close", "matched"), ("watch", "opened"),
    ("resend", "sent"), ("minutes", "new"),
)  # fmt: skip


def steps_in_words(done: Mapping[str, Any]) -> list[dict[str, object]]:
    """A row per step."""
    return [
        {"step": f"{STEPS.get(step, step)} ({step})", "figures": _said(step, figures)}
        for step, figures in done["steps"].items()
    ]


def outcome(done: Mapping[str, Any]) -> Iterator[str]:
    """Sentences: how it ended, and what to do now."""
    yield f"{done['bank']}, ngày {done['day']} ({_MODES[done['mode']]})."
    if done["waits_for"]:
        yield f"CHƯA XONG, đang chờ tệp / waiting: {done['waits_for']}"
        yield "Chưa ghi gì; máy tự thử lại. Có tệp thì: paygw files add TỆP …, hoặc --settlement/--statement TỆP."
        return
    changed = any(done["steps"].get(step, {}).get(name) for step, name in _CHANGES)
    if done["mode"] == "night":
        yield "Xong." if changed else "Xong; không có gì thay đổi so với lần trước. / Done; nothing changed."
    if done["breaks"] and done["mode"] != "dry_run":
        yield f"Còn chênh lệch: paygw breaks list --bank {done['bank']} --date {done['day']}"
    if done["mode"] == "night":
        yield f"Biên bản: paygw minutes show --bank {done['bank']} --date {done['day']}"


def _said(step: str, figures: Mapping[str, Any]) -> str:
    if step == "minutes":
        number = f"số {figures['new']} mới" if figures["new"] else "như cũ"
        return f"{number}, mã băm {figures['content_hash']}"
    said = [_figure(name, value) for name, value in figures.items() if value]
    return "; ".join(said) or "không có gì"


def _figure(name: str, value: int | str) -> str:
    if isinstance(value, str):
        return value
    if name.endswith("_vnd"):
        return f"{'phí ' if name == 'fees_vnd' else ''}{format_vnd(value)}"
    return f"{value} {_FIGURES.get(name, name)}"
