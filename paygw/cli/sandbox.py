"""`paygw sandbox`: the banks' side, a program of its own that shares nothing with the hub but a secret."""

from pathlib import Path
from typing import Annotated, Final

import typer

from paygw.settings import Settings
from paygw.simulators.config import SandboxBankConfig, decoded_banks
from paygw.simulators.provider import providers
from paygw.simulators.serve import serve

SANDBOX_PORT: Final = 8090
SECRET_SUFFIX: Final = "-sandbox-secret"  # noqa: S105 - a published test secret: name and suffix
ACCOUNTS: Final = {"sandbox-a": "1020304050", "sandbox-b": "1020304060"}  # a bank's reference is one of its account


def sandbox(
    *,
    bank: Annotated[
        list[str] | None,
        typer.Option(help="NAME or NAME:PROTOCOL, or several with commas; may be repeated. Default: all there are."),
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
        names = [name for words in bank or [all_banks()] for name in words.split(",") if name]
        banks = [sandbox_bank(name, secret, origin=settings.origin) for name in names]
    serve(host=host, port=port, banks=banks, data_dir=data or settings.var / "sandbox")


def all_banks() -> str:
    """Two sandbox banks, and one bank per provider's protocol under its usual name."""
    return ",".join(["sandbox-a", "sandbox-b", *(f"{usual_name(name)}:{name}" for name in providers())])


def usual_name(protocol: str) -> str:
    """`vnpay-main` for `vnpay`."""
    return protocol.replace("_", "-") + "-main"


def sandbox_bank(words: str, secret: str, *, origin: str) -> SandboxBankConfig:
    """A bank that behaves, with its published test secret unless another is given; `words` is NAME[:PROTOCOL]."""
    name, _, protocol = words.partition(":")
    known = providers()
    if protocol and protocol not in {"sandbox", *known}:
        raise typer.BadParameter(f"{protocol}: one of sandbox, {', '.join(known)}", param_hint="--bank")
    first = next(iter(known[protocol].side.secrets.values)) if secret and protocol in known else ""
    return SandboxBankConfig(
        name=name,
        protocol=protocol or "sandbox",
        secret=secret or name + SECRET_SUFFIX,
        values={first: secret} if first else {},
        webhook_url=f"{origin}/webhooks/{name}",
        account=ACCOUNTS.get(name, ACCOUNTS["sandbox-a"]),
    )
