"""A backup as its operator makes, proves and restores it: on the embedded database, by the verbs alone."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from paygw.cli.root import run
from paygw.outside.backup_file import Manifest, write_backup
from paygw.outside.vault import open_vault
from tests.cli.conftest import SMALL_CATALOGUE, Paygw, Ran

pytestmark = [pytest.mark.db, pytest.mark.timeout(300)]

_PORTAL = "portal add --id hanoi --name Hanoi --callback-url http://127.0.0.1:9/cb --return-origin http://127.0.0.1:9"
LATER = Manifest(
    made_at="2026-11-26T03:00:00Z", version="9", schema="9999", mode="test", funds="routing", database_bytes=1, heads=()
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that any account may pass through; short, for the socket."""
    folder = Path(mkdtemp(prefix="paygw-backup-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def embedded(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a verb on the embedded database of `place`."""
    monkeypatch.delenv("PAYGW_DATABASE_URL", raising=False)
    monkeypatch.setenv("PAYGW_VAR", str(place / "var"))
    monkeypatch.setenv("PAYGW_CATALOGUE", str(SMALL_CATALOGUE))

    def run_verb(words: str) -> Ran:
        capsys.readouterr()
        code = run(words.split())
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run_verb


def test_a_hub_lost_and_brought_back(embedded: Callable[..., Ran], place: Path) -> None:
    assert embedded(f"{_PORTAL} --json").said["id"] == "hanoi"
    kept = place / "night.backup"
    made = embedded(f"backup {kept} --json").said
    assert (made["bytes"], made["file"]) == (kept.stat().st_size, str(kept))
    assert "never overwrites" in embedded(f"backup {kept}").refusal
    assert b"hanoi" not in kept.read_bytes()

    assert embedded(f"restore {kept} --check --json").said["restored"] is False
    assert "holds a database already" in embedded(f"restore {kept}").refusal

    (place / "var").rename(place / "lost")
    assert "no key file" in embedded(f"restore {kept}").refusal
    shutil.copytree(place / "lost" / "secret", place / "var" / "secret")
    cut = place / "cut.backup"
    cut.write_bytes(kept.read_bytes()[:-1])
    assert "cut off or changed" in embedded(f"restore {cut}").refusal
    assert not (place / "var" / "restoring").exists()

    (place / "other").write_text("a file of somebody")
    assert "Tệp sao lưu" in embedded(f"restore {place / 'other'}").refusal
    later = place / "later.backup"
    write_backup(later, open_vault(place / "var" / "secret" / "kek", create=False), LATER, [b"unknown"])
    assert "use the later version" in embedded(f"restore {later}").refusal
    back = embedded(f"restore {kept} --by huong --json").said
    assert (back["ok"], back["restored"], back["portals"], back["findings"]) == (True, True, 1, [])
    assert [row["id"] for row in json.loads(embedded("portal list --json").out)] == ["hanoi"]
    told = embedded("restore --json").said
    assert (told["held"], told["restored_by"], told["shows"]) == (True, "huong", made["shows"])
    assert embedded("audit verify --json").said == {"ok": True}
    assert embedded("restore --release --by huong --json").said["held"] is False


def test_a_database_of_ones_own_is_only_marked(paygw: Paygw, tmp_path: Path) -> None:
    assert "its own tools" in paygw(f"backup {tmp_path / 'x'}").refusal
    assert "PAYGW_OWNER_DATABASE_URL" in paygw("restore --elsewhere 2026-11-25T22:00:00+07:00").refusal
    assert "offset" in paygw("restore --elsewhere 2026-11-25T22:00:00").refusal
    assert paygw("restore --json").said == {"restored": False}
