"""Independent clients written in JavaScript: `make peers` installs them from tests/peers/node/package-lock.json."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

NODE: Final = Path(__file__).parent / "node"
CALL_S: Final = 30

Call = Callable[..., Awaitable[Any]]


@pytest.fixture
def node() -> Call:
    """Call a client; with script "vnpay", the answer of node/vnpay.mjs to the JSON of the other arguments.

    Raises RuntimeError with what the client printed where it failed.
    """
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    if not (NODE / "node_modules").is_dir():
        pytest.skip("the clients are not installed: make peers")

    async def call(script: str, **asked: object) -> Any:  # noqa: ANN401 - whatever JSON the client says
        process = await asyncio.create_subprocess_exec(
            program,
            f"{script}.mjs",
            cwd=NODE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(json.dumps(asked).encode()), CALL_S)
        if process.returncode:
            raise RuntimeError(err.decode()[-2000:])
        return json.loads(out)

    return call


def clients() -> dict[str, str]:
    """The clients by name with their exact version."""
    versions: dict[str, str] = json.loads((NODE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return versions
