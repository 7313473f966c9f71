"""`paygw sandbox`: the banks' side, a program of its own that shares nothing with the hub but a secret."""

from pathlib import Path
from typing import Annotated, Final

import typer

from paygw.settings import Settings
from paygw.simulators.config import SandboxBankConfig, decoded_banks
from paygw.simulators.serve import serve

SANDBOX_PORT: Final = 8090
SECRET_SUFFIX: Final = "-sandbox-secret"  # noqa: S105 - a published test secret: name and suffix


def sandbox(
    *,
    bank: Annotated[
        list[str] | None, typer.Option(help="Bank to play, or several with commas; may be repeated.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.")] = SANDBOX_PORT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    secret: Annotated[str, typer.Option(help="Shared secret of these banks; default NAME-sandbox-secret.")] = "",
    config: Annotated[Path | None, typer.Option(help="JSON file with one object per bank, instead of --bank.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the banks' own books; default VAR/sandbox.")] = None,
) -> None:
    """Play pretend banks: http://HOST:PORT/NAME is the base URL of each."""
    settings = Settings()
    if config is not None:
        banks = decoded_banks(config.read_bytes())
    else:
        names = [name for words in bank or ["sandbox-a,sandbox-b"] for name in words.split(",") if name]
        banks = [sandbox_bank(name, secret, origin=settings.origin) for name in names]
    serve(host=host, port=port, banks=banks, data_dir=data or settings.var / "sandbox")


def sandbox_bank(name: str, secret: str, *, origin: str) -> SandboxBankConfig:
    """A bank that behaves, with its published test secret unless another is given."""
    chosen = secret or name + SECRET_SUFFIX
    return SandboxBankConfig(name=name, secret=chosen, webhook_url=f"{origin}/webhooks/{name}")
