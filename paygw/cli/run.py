"""`paygw run`: the whole hub on one machine, as a small tree of processes that is kept alive and ended cleanly.

Each child is a verb of the same command line with its pid under `VAR/run`. A child that dies is started again, at once
the first time, after a pause that grows while it keeps dying. The child people wait for has a spare: a process that has
read all its code and waits for a word. Ctrl-C or SIGTERM ends all; a second one kills.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from paygw.app import migrate_embedded
from paygw.cli.output import with_hub
from paygw.cli.sample import (
    FINANCE_KEY,
    PORTAL_KEY,
    PORTAL_PORT,
    Places,
    has_portal,
    portal_arguments,
    provision_sample,
)
from paygw.cli.sandbox import SANDBOX_PORT
from paygw.kernel.errors import Unavailable
from paygw.settings import Settings, child_environment

_LOOK_S: Final = 0.1
_SPARE_AFTER_S: Final = 3.0  # once its child has settled
_PAUSES_S: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
_HEALTHY_S: Final = 5.0  # a child that lived so long did not die of its start: its pauses begin afresh
_GRACE_S: Final = 30.0
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None
_STOPS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Child:
    """One verb that has to run, and what became of it so far."""

    name: str
    arguments: tuple[str, ...]  # module first
    environment: dict[str, str]
    has_spare: bool = False
    spare: subprocess.Popen[bytes] | None = None
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started_s: float = 0.0
    again_s: float = 0.0


@dataclass(slots=True)
class Tree:
    """The children of one run. `stopping` counts the signals that asked to end."""

    folder: Path
    children: Sequence[Child]
    look_after: Callable[[], object] = bool  # called at every look: keeps the embedded database up
    clock: Callable[[], float] = time.monotonic
    stopping: int = 0
    told: int = signal.SIGTERM
    trouble: str = ""  # why `look_after` failed last, for as long as it does
    troubles: int = 0
    look_again_s: float = 0.0


def run(
    *,
    port: Annotated[int | None, typer.Option(help="Port of the hub.")] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Also pretend banks and a sample portal, ready to try (test mode).")
    ] = False,
    sandbox_port: Annotated[int, typer.Option(help="Port of the pretend banks.")] = SANDBOX_PORT,
    portal_port: Annotated[int, typer.Option(help="Port of the sample portal.")] = PORTAL_PORT,
) -> None:
    """Run everything on this machine: database, hub, worker."""
    settings, places = Settings(), Places(sandbox_port, portal_port)
    settings = settings.model_copy(update={"port": port}) if port is not None else settings
    with ExitStack() as stack:
        stack.enter_context(_alone(settings.var / "run"))
        revive = migrate_embedded(settings, stack)
        playing = sandbox and settings.mode == "test"
        if playing:
            open_to_portal = settings.model_copy(update={"callback_allow": (places.callback_allow,)})
            with_hub(partial(provision_sample, places=places), open_to_portal)
        sample = places if playing else None
        tree = Tree(settings.var / "run", children_of(settings, sample), look_after=revive)
        typer.echo(_addresses(settings, sample))
        code = keep(tree)
    raise typer.Exit(code)


def children_of(settings: Settings, sample: Places | None) -> list[Child]:
    """The verbs of a run, in the order they start; with banks and a portal where there is a sample."""
    allowed = {"callback_allow": sample.callback_allow} if sample else {}
    environment = child_environment(port=str(settings.port), work_port=str(_work_port(settings)), **allowed)
    children = [
        Child("serve", ("paygw", "serve", "--needs-worker"), environment, has_spare=True),
        Child("work", ("paygw", "work"), environment),
    ]
    if sample:
        children.append(Child("sandbox", ("paygw", "sandbox", "--port", str(sample.sandbox_port)), environment))
    if sample and has_portal():
        children.append(Child("portal", ("examples.portal", *portal_arguments(settings, sample)), environment))
    return children


def _work_port(settings: Settings) -> int:
    return settings.work_port or settings.port + 1


def _addresses(settings: Settings, sample: Places | None) -> str:
    """Where a person goes first."""
    places = {"hub": "", "API docs": "/docs", "fees": "/phi-le-phi", "health": "/readyz", "metrics": "/metrics"}
    lines = {name: settings.origin + path for name, path in places.items()}
    lines["worker"] = f"http://{settings.host}:{_work_port(settings)}/metrics"
    if sample and has_portal():
        lines["sample portal"] = sample.portal
    if sample:
        lines["banks"] = sample.banks
        lines["portal key"], lines["finance key"] = PORTAL_KEY, FINANCE_KEY
    lines["folder"] = str(settings.var.resolve())
    return "\n".join(f"{name:<14}{value}" for name, value in lines.items())


def keep(tree: Tree) -> int:
    """Keep the children alive until told to stop; the exit code: 0 if all ended by themselves when told."""

    def told(number: int, frame: FrameType | None) -> None:
        del frame
        tree.stopping, tree.told = tree.stopping + 1, number

    before = [(number, signal.signal(number, told)) for number in _STOPS]
    try:
        while not tree.stopping:
            _look_after(tree)
            for child in tree.children:
                _tend(tree, child)
            time.sleep(_LOOK_S)
        return _end(tree)
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        _kill(tree)


def _look_after(tree: Tree) -> None:
    """Keep the database up. What prevents it is told once, and tried again for as long as it takes."""
    if tree.clock() < tree.look_again_s:
        return
    try:
        tree.look_after()
    except Exception as error:  # noqa: BLE001 - whatever it is, ending would take down what still works
        tree.troubles += 1
        pause_s = _PAUSES_S[min(tree.troubles, len(_PAUSES_S)) - 1]
        tree.look_again_s = tree.clock() + pause_s
        told = f"the database cannot be started again: {str(error) or type(error).__name__}"
        if told != tree.trouble:
            tree.trouble = told
            typer.echo(f"{told}; tried again until it can", err=True)
        return
    if tree.trouble:
        typer.echo("the database is back", err=True)
    tree.trouble, tree.troubles = "", 0


def _tend(tree: Tree, child: Child) -> None:
    """Start a child that is not there; notice one that died."""
    now_s = tree.clock()
    if child.process is not None and child.process.poll() is not None:
        code = child.process.returncode
        child.process = None
        child.deaths = 1 if now_s - child.started_s > _HEALTHY_S else child.deaths + 1
        pause_s = _PAUSES_S[min(child.deaths, len(_PAUSES_S)) - 1]
        child.again_s = now_s + pause_s
        typer.echo(f"{child.name} ended with {code}; again in {pause_s:g} s", err=True)
    if child.process is None and now_s >= child.again_s:
        child.process = _take_spare(child) or _start(child)
        child.started_s = now_s
        _pid_file(tree, child).write_text(f"{child.process.pid}\n", encoding="ascii")
    if child.has_spare and child.spare is None and now_s - child.started_s > _SPARE_AFTER_S:
        child.spare = _start(child, "--spare", stdin=subprocess.PIPE)


def _take_spare(child: Child) -> subprocess.Popen[bytes] | None:
    """Give the spare its word; None if there is none, or it has died."""
    spare, child.spare = child.spare, None
    if spare is None or spare.stdin is None:
        return None
    try:
        spare.stdin.write(b"\n")
        spare.stdin.close()
    except BrokenPipeError:
        _dismiss(spare)
        return None
    return spare


def _dismiss(spare: subprocess.Popen[bytes]) -> None:
    spare.kill()
    spare.communicate()


def _start(child: Child, *more: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """In a process group of its own, so that Ctrl-C reaches the supervisor alone; it is told if we die first."""
    command = [sys.executable, "-m", *child.arguments, *more]
    return subprocess.Popen(  # noqa: S603 - our own verbs
        command,
        env=child.environment,
        stdin=stdin,
        process_group=0,
        preexec_fn=_told_of_our_death if _LIBC else None,  # noqa: PLW1509 - this process has one thread
    )


def _told_of_our_death() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def _end(tree: Tree) -> int:
    """Ask every child to end and wait for all; the second signal, or too long a wait, ends the patience."""
    for child in reversed(tree.children):
        if child.process is not None and child.process.poll() is None:
            child.process.send_signal(tree.told)
    end_s = tree.clock() + _GRACE_S
    while any(child.process is not None and child.process.poll() is None for child in tree.children):
        if tree.stopping > 1 or tree.clock() > end_s:
            typer.echo("killing what does not end", err=True)
            return 1
        time.sleep(_LOOK_S)
    codes = [child.process.returncode for child in tree.children if child.process is not None]
    clean = {0, -tree.told, 128 + tree.told}  # some libraries end by the signal they handled
    return 0 if clean.issuperset(codes) else 1


def _kill(tree: Tree) -> None:
    for child in tree.children:
        if child.spare is not None:
            _dismiss(child.spare)
        if child.process is not None and child.process.poll() is None:
            child.process.kill()
            child.process.wait()
        _pid_file(tree, child).unlink(missing_ok=True)


def _pid_file(tree: Tree, child: Child) -> Path:
    return tree.folder / f"{child.name}.pid"


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """One run per folder; the lock ends with the process, whatever ends it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise Unavailable(f"another paygw run works in {folder.parent}: stop it first, or set PAYGW_VAR") from error
    try:
        yield
    finally:
        os.close(handle)
