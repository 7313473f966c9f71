"""`paygw demo`: raise the stage, play the scenes, judge, print who holds what for whom."""

import asyncio
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.table import Table

from paygw.cli.demo.faults import Fault, plant
from paygw.cli.demo.judge import Judgement, judge
from paygw.cli.demo.night import Night, play_night
from paygw.cli.demo.story import SCENES, Play, Scene, Wanted
from paygw.cli.demo.world import World, raised_stage
from paygw.cli.progress import progress
from paygw.kernel.break_words import WORDS
from paygw.kernel.words import format_vnd
from paygw.settings import Settings

_FAULTY_SCENES = 4  # enough for any fault to show
_WIDE = 120  # columns, where nobody watches


def demo(
    *,
    fault: Annotated[Fault, typer.Option(help="Plant a fault: the demo must then fail.")] = Fault.NONE,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with logs, truth files and database.")] = False,
) -> None:
    """Play the whole story with real processes, and judge it by the banks' own truth."""
    console = Console(width=None if Console().is_terminal else _WIDE)
    folder = Path(tempfile.mkdtemp(prefix="paygw-demo-"))
    folder.chmod(0o755)  # the account that runs the database for root passes through
    try:
        scenes, judgement, night = asyncio.run(_play(folder, fault))
    finally:
        if keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    _show(console, scenes, judgement)
    _show_night(console, night)
    findings = [*judgement.findings, *night.findings]
    for finding in findings:
        console.print(f"✗ {finding}", style="red", markup=False)
    if not findings:
        console.print("✓ hub, banks and portal agree to the đồng", style="green")
    raise typer.Exit(1 if findings else 0)


async def _play(folder: Path, fault: Fault) -> tuple[list[Scene], Judgement, Night]:
    settings, began = Settings(var=folder / "var", log_level="error"), datetime.now(UTC)
    async with raised_stage(folder, fault) as world:
        await _misbehave(world, fault)
        scenes: list[Scene] = []
        plays = SCENES if fault is Fault.NONE else SCENES[:_FAULTY_SCENES]
        with progress("demo", len(plays) + 1) as advance:
            for play in plays:
                scenes.append(await _played(world, play))
                advance(1)
                if scenes[-1].wrong and fault is not Fault.NONE:
                    break  # the fault has shown itself; nothing is learnt from waiting for the rest
            await plant(fault, folder, settings)
            judgement = await judge(world, scenes, settings)
            # A planted fault has been judged; the night is the end of a story that is right so far.
            night = Night() if judgement.findings else await play_night(world, settings, began)
            advance(1)
        return scenes, judgement, night


async def _played(world: World, play: Play) -> Scene:
    """A scene that breaks down in the middle is a finding like any other."""
    try:
        return await play(world)
    except (LookupError, RuntimeError, TimeoutError, StopIteration, aiohttp.ClientError) as error:
        title = (play.__doc__ or play.__name__).strip()
        return Scene(title, "", Wanted(status="paid"), {}, wrong=f"broke down: {type(error).__name__} {error}")


async def _misbehave(world: World, fault: Fault) -> None:
    """Faults of the banks, told to them before the first scene."""
    if fault is Fault.WEBHOOKS_LOST:
        for bank in ("sandbox-a", "sandbox-b"):
            await world.bank_does(bank, "misbehaviour", {"misbehaviour": {"lost": True}})


def _show(console: Console, scenes: list[Scene], judgement: Judgement) -> None:
    story = Table("cảnh · scene", "order", "status", "paid", "unapplied", "refunded", "", title="paygw demo")
    for scene in scenes:
        seen = scene.seen
        amounts = [format_vnd(seen.get(name, 0)) for name in ("paid_vnd", "unapplied_vnd", "refunded_vnd")]
        labels = " ".join(seen.get("labels", []))
        story.add_row(
            scene.title,
            str(seen.get("reference", "")),
            f"{seen.get('status', '')} {labels}".strip(),
            *amounts,
            "✗" if scene.wrong else "✓",
        )
    console.print(story)
    console.print(_books(judgement))
    banks = ", ".join(
        f"{name}: {truth.payments} payments, {format_vnd(truth.held_vnd)}" for name, truth in judgement.banks.items()
    )
    console.print(f"banks' own truth: {banks}; callbacks verified by the portal: {judgement.callbacks}")


def _show_night(console: Console, night: Night) -> None:
    """Each bank's day, what the night found and solved, and whether held is owed."""
    if not night.banks:
        return
    table = Table(
        "bank", "day", "lines", "matched", "settled", "batches", "biên bản · minutes", title="đêm đối soát · the night"
    )
    for one in night.banks:
        minutes = f"{one.minutes:02d} {one.content_hash[:12]}"
        table.add_row(
            one.bank, str(one.day), str(one.lines), str(one.matched), str(one.settled), str(one.batches), minutes
        )
    console.print(table)
    for word, kinds in (("open", night.open), ("solved by itself", night.solved)):
        for kind, count in sorted(kinds.items()):
            words = WORDS[kind]
            console.print(f"{word}: {count} x {words.name_vi} · {words.name_en}", markup=False)
    console.print(f"position: {format_vnd(night.held_vnd)} held, all of it owed to somebody by name")


def _books(judgement: Judgement) -> Table:
    """The trial balance: above who holds money, below whose it is."""
    books = Table("account", "who", "debit", "credit", title="trial balance: who holds what for whom")
    accounts = sorted(
        judgement.accounts, key=lambda account: (not account["account"].startswith("H:"), account["account"])
    )
    for account in accounts:
        net_vnd = account["debit_vnd"] - account["credit_vnd"]
        books.add_row(
            account["account"],
            _who(account["account"]),
            format_vnd(net_vnd) if net_vnd > 0 else "",
            format_vnd(-net_vnd) if net_vnd < 0 else "",
        )
    debit_vnd = sum(max(a["debit_vnd"] - a["credit_vnd"], 0) for a in accounts)
    credit_vnd = sum(max(a["credit_vnd"] - a["debit_vnd"], 0) for a in accounts)
    books.add_section()
    books.add_row("", "", format_vnd(debit_vnd), format_vnd(credit_vnd))
    return books


_OWNERS = {
    "H": "ngân hàng đang giữ · held by the bank",
    "P": "của đơn vị thụ hưởng · the beneficiary's",
    "U": "của người nộp · the payer's",
    "RP": "đang hoàn cho dân · on its way back",
    "RB": "đơn vị phải trả lại · to be given back",
    "CLAIM": "phải đòi · claimed from",
}


def _who(account: str) -> str:
    return _OWNERS.get(account.split(":", 1)[0], "")
