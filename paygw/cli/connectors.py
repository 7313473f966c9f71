"""`paygw connectors` and `paygw conformance`: what the protocols can do, how their banks are, and trials of one."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from paygw.cli.output import AsJson, show_all, with_hub
from paygw.hub import acceptable
from paygw.hub.abilities import list_connectors
from paygw.hub.hub import Hub
from paygw.hub.trials import Trial, try_bank

FAILED: Final = 1


def connectors(*, as_json: AsJson = False) -> None:
    """List the protocols: methods, abilities, how sure each is, the banks configured on it and how they are."""
    found = with_hub(list_connectors)
    if as_json:
        show_all(found, as_json=True)
        return
    names = ("name", "title", "grade", "methods", "abilities")
    rows = [{**{name: one[name] for name in names}, "banks": _banks(one["banks"])} for one in found]
    show_all(rows, as_json=False)


def conformance(
    *,
    bank: Annotated[str, typer.Option(help="The bank to try.")],
    with_session: Annotated[
        bool, typer.Option("--with-session", help="Also open a session, with the least sum.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Where the report goes; default VAR/conformance-BANK.json.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Try a configured bank: keys, TLS, session, enquiry, clock, tampered and forged messages. Exit 1 if one failed."""

    async def work(hub: Hub) -> tuple[list[Trial], Path]:
        known = acceptable.bank_here(hub, bank, f"There is no bank {bank}: paygw bank list shows them.")
        trials = await try_bank(hub, known, with_session=with_session)
        path = report or hub.settings.var / f"conformance-{bank}.json"
        told = {
            "bank": bank,
            "connector": known.connector.name,
            "grade": known.connector.grade,
            "base_url": known.secrets.base_url,
            "at": hub.clock().isoformat(),
            "trials": trials,
        }
        path.write_bytes(msgspec.json.format(msgspec.json.encode(told)))
        return trials, path

    trials, path = with_hub(work)
    show_all([{"trial": one.name, "outcome": one.outcome, "told": one.told} for one in trials], as_json=as_json)
    typer.echo(f"report: {path}", err=True)
    return FAILED if any(one.outcome == "failed" for one in trials) else 0


def _banks(banks: object) -> list[str]:
    """Each bank with its worst share of answers, as `momo-main 98%`."""
    told = []
    for one in banks if isinstance(banks, list) else []:
        shares = [each["success_pct"] for each in one["health"].values() if each["success_pct"] is not None]
        told.append(f"{one['id']} {min(shares)}%" if shares else str(one["id"]))
    return told
