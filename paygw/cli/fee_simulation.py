"""`paygw fees simulate`: what a proposal would change, over orders that were priced or over a file of questions."""

from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from paygw.app import STARTER_CATALOGUE
from paygw.cli.fee_chart import html, rows_of, svg
from paygw.cli.fee_files import CatalogueFolder, lines_of
from paygw.cli.output import AsJson, show, show_all, with_hub
from paygw.cli.progress import progress
from paygw.hub.hub import Hub
from paygw.hub.simulation import order_count, simulate_orders
from paygw.kernel.errors import Refused
from paygw.kernel.fees.catalogue import read_sources
from paygw.kernel.fees.dates import Window, iso_day
from paygw.kernel.fees.examples import read_line
from paygw.kernel.fees.simulate import Dossier, Outcome, Proposal, Standing, propose
from paygw.kernel.fees.versions import Version, read_version, versions_of
from paygw.settings import Settings

_TOLD: Final = {
    "dossiers": "Hồ sơ",
    "more": "Nộp nhiều hơn",
    "less": "Nộp ít hơn",
    "same": "Không đổi",
    "no_rule_now": "Hiện nay không có mức thu",
    "no_rule_then": "Theo đề xuất không có mức thu",
    "no_rule": "Cả hai không có mức thu",
    "two_rules": "Hai mức thu cùng ngày",
    "change_vnd": "Chênh lệch số thu (đồng)",
}


def simulate(
    *,
    proposed: Annotated[Path, typer.Option(help="Proposed tariffs: a file or a folder.")],
    over: Annotated[str, typer.Option(help="Orders of these legal dates: FROM..TO, both inclusive.")] = "",
    facts: Annotated[Path | None, typer.Option(help="Questions instead of orders: a line of JSON each.")] = None,
    as_of: Annotated[str, typer.Option(help="Price every dossier on this day instead of its own.")] = "",
    catalogue: CatalogueFolder = None,
    out: Annotated[Path | None, typer.Option(help="Write a page (.html) or a picture (.svg).")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a proposal would change: revenue by collecting body and component, who pays more, who has no rule."""
    if bool(over) == (facts is not None):
        raise Refused("invalid_value", "Say either --over FROM..TO or --facts FILE.")
    versions, day = versions_of(read_sources(proposed)), _day(as_of) if as_of else None
    if facts is not None:
        outcome = _over_file(versions, facts, day, catalogue)
    else:
        window = _window(over)
        outcome = with_hub(lambda hub: _over_orders(hub, versions, window, day))
    _tell(outcome, out, as_json=as_json)


async def _over_orders(hub: Hub, versions: tuple[Version, ...], over: Window, day: date | None) -> Outcome:
    with progress("simulating", await order_count(hub)) as advance:
        _, outcome = await simulate_orders(hub, versions, over, as_of=day, advance=advance)
    return outcome


def _over_file(versions: tuple[Version, ...], path: Path, day: date | None, folder: Path | None) -> Outcome:
    proposal, outcome = _proposal(versions, folder), Outcome()
    with path.open("rb") as file, progress("simulating", path.stat().st_size) as advance:
        for text in lines_of(file):
            line = read_line(text)
            if line is None:
                raise Refused("bad_request", f"{path}: a line is not a JSON object.")
            asked = {name: line.get(name) for name in ("procedure", "province", "facts")}
            collector = line.get("collecting_body")
            outcome.add(proposal, Dossier(**asked, as_of=day or line.get("as_of"), collector=str(collector or "")))
            advance(len(text))
    return outcome


def _proposal(versions: tuple[Version, ...], folder: Path | None) -> Proposal:
    """A proposal over files: what they say is in force."""
    current = versions_of(read_sources(folder or Settings().catalogue or STARTER_CATALOGUE))
    return propose([Standing(read_version(one.document), (one.window,)) for one in current], versions)


def _tell(outcome: Outcome, out: Path | None, *, as_json: bool) -> None:
    rows = rows_of(outcome)
    sums: dict[str, int] = {
        "dossiers": outcome.dossiers,
        **{str(effect): count for effect, count in outcome.effects.items()},
        "two_rules": outcome.two_rules,
        "change_vnd": sum(line.change_vnd for _, line in rows),
    }
    if out is not None:
        told = [(_TOLD[name], value) for name, value in sums.items()]
        out.write_text(svg(rows) if out.suffix == ".svg" else html(rows, told), encoding="utf-8")
    table: list[dict[str, object]] = [
        {
            "collecting_body": key[0],
            "procedure": key[1],
            "component": key[2],
            "dossiers": line.dossiers,
            "now_vnd": line.now_vnd,
            "then_vnd": line.then_vnd,
            "change_vnd": line.change_vnd,
        }
        for key, line in sorted(outcome.lines.items())
    ]
    if as_json:
        show({**sums, "lines": table}, as_json=True)
        return
    show_all(table, as_json=False)
    show(sums, as_json=False)


def _window(over: str) -> Window:
    first, _, last = over.partition("..")
    return Window(_day(first), _day(last))


def _day(text: str) -> date:
    day = iso_day(text)
    if day is None:
        raise Refused("invalid_value", f"'{text}' is not a day written yyyy-mm-dd.")
    return day
