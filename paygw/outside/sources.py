"""Where files come from and when they are due: one YAML file of the operator (docs/files.md)."""

import re
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import yaml

from paygw.kernel.errors import Refused

SOURCES_BYTES_MAX: Final = 262_144
NAME_CHARS_MAX: Final = 200

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]


class Sftp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An SFTP server: its host key is pinned (`ssh-ed25519 AAAA…`), we sign in with a key file."""

    host: str
    user: str
    key_file: Path
    host_key: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 22
    folder: str = "."


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One series of files: one bank, account and kind. `files` reads day and sequence from a name, as named groups."""

    id: Name
    bank: Name
    profile: Name
    kind: Literal["statement", "notification", "settlement"] = "statement"
    account: str = ""
    files: str = r"[^/]+"
    sftp: Sftp | None = None  # else the drop folder VAR/inbox/<id>
    expected: Literal["daily", "working_days", "no"] = "no"
    calendar: Literal["bank", "treasury", "agency"] = "bank"
    due: Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "09:00"  # on the next working day

    @property
    def due_at(self) -> time:
        """The local time by which the file of a day is due on the next working day."""
        return time.fromisoformat(self.due)

    def told(self, name: str) -> tuple[date | None, int] | None:
        """Day and sequence that a file's name tells; None when the name is not one of this source."""
        found = re.fullmatch(self.files, name) if len(name) <= NAME_CHARS_MAX else None
        if found is None:
            return None
        groups = found.groupdict()
        return _day(groups.get("day") or ""), int(groups.get("sequence") or 0)


def load_sources(path: Path | None) -> dict[str, Source]:
    """The sources by id; none without a file. Raises Refused `invalid_value` with what is wrong."""
    if path is None:
        return {}
    if path.stat().st_size > SOURCES_BYTES_MAX:
        raise Refused("invalid_value", f"{path.name} has more than {SOURCES_BYTES_MAX} bytes.")
    try:
        listed = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), dict[str, list[Source]])
        found = {source.id: source for source in listed.get("sources", [])}
        for source in found.values():
            re.compile(source.files)
    except (yaml.YAMLError, msgspec.ValidationError, re.error) as error:
        raise Refused("invalid_value", f"{path.name} is no list of sources: {error}") from None
    if len(found) != len(listed.get("sources", [])):
        raise Refused("invalid_value", f"{path.name} names a source twice.")
    return found


def _day(text: str) -> date | None:
    digits = re.sub(r"[^0-9]", "", text)
    for form in ("%Y%m%d", "%d%m%Y"):
        try:
            return datetime.strptime(digits, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None
