"""What the supervisor tells the others: one file for those who come later, one line for the one who waits."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from paygw.store.embedded.errors import EmbeddedError, leaf_named
from paygw.store.embedded.layout import Control
from paygw.store.embedded.process import Identity
from paygw.store.roles import OWNER, RUNTIME, SUPER

_PASSWORD_BYTES = 32


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a running server listens and who supervises it."""

    supervisor_pid: int
    supervisor_born_ticks: int
    sockets: str
    port: int
    tcp: bool
    durable: bool
    linger_s: float
    stop_timeout_s: float
    data: str
    notices: tuple[str, ...]

    @property
    def supervisor(self) -> Identity:
        """Returns the supervisor as a process that can be checked."""
        return Identity(self.supervisor_pid, self.supervisor_born_ticks)


class Failure(msgspec.Struct, frozen=True, tag=True):
    """Why there is no server."""

    leaf: str
    message: str

    def as_error(self) -> EmbeddedError:
        """Returns the error to raise on the other side of the pipe."""
        return leaf_named(self.leaf)(self.message)


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The server accepts connections."""

    state: State


_REPORT: msgspec.json.Decoder[Ready | Failure] = msgspec.json.Decoder(Ready | Failure)


def read_report(line: bytes) -> Ready | Failure:
    """Read the line a supervisor wrote to its starter. Raises msgspec.DecodeError."""
    return _REPORT.decode(line)


def write_state(control: Control, state: State) -> None:
    """Publish the state at once or not at all."""
    partial = control.state.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(state))
    partial.rename(control.state)


def read_state(control: Control) -> State | None:
    """Returns the state if its supervisor lives; a file left by a dead one says nothing."""
    with suppress(FileNotFoundError, msgspec.DecodeError):
        state = msgspec.json.decode(control.state.read_bytes(), type=State)
        return state if state.supervisor.alive() else None
    return None


def forget_state(control: Control) -> None:
    """Remove the state: whoever comes now waits or starts anew."""
    control.state.unlink(missing_ok=True)


def make_passwords(path: Path) -> dict[str, str]:
    """Returns the passwords by role, made once and kept in a file that only we can read."""
    with suppress(FileNotFoundError):
        return read_passwords(path)
    words = {role: secrets.token_urlsafe(_PASSWORD_BYTES) for role in (SUPER, OWNER, RUNTIME)}
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(words))
    partial.rename(path)
    return words


def read_passwords(path: Path) -> dict[str, str]:
    """Returns the passwords by role. Raises FileNotFoundError."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
