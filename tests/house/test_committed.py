"""What may never be committed: this or that machine's paths, package addresses, secrets, broken links."""

import re
import tomllib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.sources import ROOT, committed

# One letter of each word stands in brackets, so that this file is not its own first finding.
_FORBIDDEN = {
    "a path of somebody's machine": r"(?<![\w.:/])/(hom[e]|User[s]|wor[k])/\w|/roo[t]/\.?\w|/tmp/([t]|bas[h])",
    "a folder outside the project": r"\bshare[d]/|(?<![\w/])\.librar[y]\b",
    "the address of a package index": r"\b(pyp[i]\.org|files\.pythonhoste[d]|registry\.npmj[s])|--(extra-)?inde[x]-url",
    "a private key": r"BEGIN (RSA |EC |ENCRYPTED )?PRIVAT[E] KEY",
}
_DATA = (".png", ".jpg", ".ico", ".woff2", ".xlsx", ".parquet", ".gz", ".zip", ".mo", ".pdf")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")


def _texts() -> list[tuple[str, str]]:
    files = [file for file in committed() if file.suffix not in _DATA]
    return [(file.relative_to(ROOT).as_posix(), file.read_text("utf-8", errors="replace")) for file in files]


def _markdown() -> list[Path]:
    return [file for file in committed() if file.suffix == ".md"]


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_no_committed_file_names(what: str) -> None:
    pattern = re.compile(_FORBIDDEN[what])
    found = [
        f"{path}:{number}"
        for path, text in _texts()
        if not (what == "a private key" and path.startswith("tests/"))
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]

    assert not found, f"a committed file holds {what}:\n  " + "\n  ".join(found)


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a path of somebody's machine", "see /h*me/anna/paygw".replace("*", "o")),
        ("a path of somebody's machine", "cd /w*rk/main".replace("*", "o")),
        ("a folder outside the project", "see sh*red/design".replace("*", "a")),
        ("the address of a package index", "pip install --ind*x-url x".replace("*", "e")),
        ("a private key", "-----BEGIN PRIV*TE KEY-----".replace("*", "A")),
    ],
)
def test_a_forbidden_line_is_seen(what: str, line: str) -> None:
    assert re.search(_FORBIDDEN[what], line)


class _StrictLoader(yaml.SafeLoader):
    """YAML that says so when a key stands twice: the plain loader keeps the last one and is silent."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - signature of the base class
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if len(keys) != len(set(map(str, keys))):
            raise yaml.constructor.ConstructorError(None, None, f"a key stands twice: {keys}", node.start_mark)
        return super().construct_mapping(node, deep)


def _read_yaml(text: str) -> list[object]:
    return list(yaml.load_all(text, Loader=_StrictLoader))


def test_yaml_files_have_no_key_twice() -> None:
    files = [file for file in committed() if file.suffix in {".yaml", ".yml"} and "fixtures" not in file.parts]

    assert files
    assert all(_read_yaml(file.read_text("utf-8")) for file in files)


def test_a_key_that_stands_twice_is_seen() -> None:
    with pytest.raises(yaml.YAMLError):
        _read_yaml("a: 1\nb: 2\na: 3\n")


def test_links_between_documents_lead_somewhere() -> None:
    dead = [
        f"{file.relative_to(ROOT)}: {link[1]}"
        for file in _markdown()
        for link in _LINK.finditer(file.read_text("utf-8"))
        if not (file.parent / link[1]).exists()
    ]

    assert not dead, "links that lead nowhere:\n  " + "\n  ".join(dead)


def test_every_locked_package_has_a_hash() -> None:
    for lock in ("run.lock", "dev.lock"):
        text = (ROOT / "requirements" / lock).read_text("utf-8").replace("\\\n", " ")
        pinned = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]

        assert pinned
        assert [line.split()[0] for line in pinned if "==" not in line or "--hash=sha256:" not in line] == []


def test_what_runs_is_what_was_tested() -> None:
    run, dev = (
        set(re.findall(r"^[a-z0-9][\w.-]*==[^\s;]+", (ROOT / "requirements" / lock).read_text("utf-8"), re.MULTILINE))
        for lock in ("run.lock", "dev.lock")
    )

    assert run
    assert run <= dev


def _direct() -> tuple[set[str], set[str]]:
    """Names of what runs, and of everything: bare, without extras and version ranges."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    run = {re.split(r"[\[<>=]", wanted)[0] for wanted in (*project["dependencies"], *extras["recon"])}
    return run, run | {re.split(r"[\[<>=]", wanted)[0] for wanted in extras["dev"]}


def test_every_direct_dependency_says_why_it_is_here() -> None:
    _, direct = _direct()
    told = (ROOT / "docs" / "adr" / "dependencies.md").read_text("utf-8")

    assert {name for name in direct if f"| `{name}` |" not in told} == set()
    assert set(re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE)) <= direct


def test_the_lock_names_every_direct_dependency() -> None:
    run, direct = _direct()
    for lock, wanted in (("run.lock", run), ("dev.lock", direct)):
        text = (ROOT / "requirements" / lock).read_text("utf-8")

        assert [name for name in wanted if not re.search(rf"^{re.escape(name)}==", text, re.MULTILINE)] == []
