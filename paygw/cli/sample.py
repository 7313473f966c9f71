"""What `paygw run --sandbox` sets up besides the hub: sandbox banks, a sample portal, its keys. Test mode only.

Keys and secrets are published on purpose; live mode refuses keys of this kind.
"""

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Final

from asyncpg import Connection

from paygw.cli.sandbox import ACCOUNTS, SANDBOX_PORT, SECRET_SUFFIX, usual_name
from paygw.hub.hub import Hub
from paygw.hub.provisioning import BankChange, BodyChange, Change, KeyChange, PersonChange, PortalChange, apply
from paygw.kernel.decide import Landing
from paygw.settings import Settings
from paygw.simulators.provider import providers

PORTAL_PORT: Final = 9001
PORTAL_KEY: Final = "sk_test_sample-portal-published-on-purpose-0001"
FINANCE_KEY: Final = "sk_test_sample-finance-published-on-purpose-0001"
CALLBACK_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - a published test secret
FLOWS: Final = {"sandbox-a": "redirect", "sandbox-b": "server"}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the banks and the sample portal listen, on this machine only."""

    sandbox_port: int = SANDBOX_PORT
    portal_port: int = PORTAL_PORT

    @property
    def portal(self) -> str:
        """Origin of the sample portal."""
        return f"http://127.0.0.1:{self.portal_port}"

    @property
    def banks(self) -> str:
        """Origin of the pretend banks."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def callback_allow(self) -> str:
        """The one private address callbacks may reach in this set-up."""
        return f"127.0.0.1:{self.portal_port}"


def has_portal() -> bool:
    """Whether the sample portal is there: it is in the checkout, not in the installed package."""
    return find_spec("examples") is not None and find_spec("examples.portal") is not None


def portal_arguments(settings: Settings, places: Places) -> tuple[str, ...]:
    """How the sample portal is started."""
    data = settings.var / "sample-portal"
    return (
        "--port", str(places.portal_port), "--hub", settings.origin, "--key", PORTAL_KEY, "--secret", CALLBACK_SECRET,
        "--data", str(data),
    )  # fmt: skip


async def provision_sample(hub: Hub, places: Places) -> None:
    """Make portal, banks, keys and an approver; on a second start nothing changes."""
    for change in _changes(hub, places):
        await hub.transact(partial(_apply, hub, change))


async def _apply(hub: Hub, change: Change, connection: Connection) -> None:
    await apply(hub, connection, change, by="paygw run")


def _changes(hub: Hub, places: Places) -> list[Change]:
    settings = hub.settings
    portal = PortalChange(
        id="sample-portal",
        name="Cổng dịch vụ công mẫu",
        callback_url=f"{places.portal}/callbacks",
        return_origins=(places.portal,),
        rate_post=settings.rate_post,
        rate_get=settings.rate_get,
        rate_burst=settings.rate_burst,
        key=PORTAL_KEY,
        secret=CALLBACK_SECRET,
        update=True,
    )
    body = BodyChange(
        id="G22.99", name="Công an thành phố Hà Nội", chapter="409", area="00001", budget_unit="1053614", update=True
    )
    approver = PersonChange(id="minh", name="Trần Minh", role="approver")
    return [
        portal,
        KeyChange(key=FINANCE_KEY, scope="finance"),
        body,
        approver,
        *(_bank(hub, name, places) for name in FLOWS),
    ]


def _bank(hub: Hub, name: str, places: Places) -> BankChange:
    """At its port of today; where its money lands stays as somebody may have set it since."""
    known = hub.registry.banks.get(name)
    landing = known.landing if known else Landing(account=ACCOUNTS[name] if hub.settings.funds == "custody" else "")
    return BankChange(
        id=name,
        connector="sandbox",
        title=f"Ngân hàng thử {name[-1].upper()}",
        base_url=f"{places.banks}/{name}",
        merchant="PAYGW",
        values={"secret": name + SECRET_SUFFIX},
        options={"flow": FLOWS[name]},
        home=landing.home,
        account=landing.account,
        holder=landing.holder,
        update=True,
    )


def _providers(hub: Hub) -> list[Change]:
    """One bank per provider's protocol that `paygw sandbox` plays, under its published test configuration."""
    return [
        BankChange(
            id=usual_name(name),
            connector=name,
            title=f"{hub.connectors[name].title} (thử nghiệm)",
            base_url=f"http://127.0.0.1:{SANDBOX_PORT}/{usual_name(name)}",
            merchant=provider.side.secrets.merchant,
            values=dict(provider.side.secrets.values),
            options=dict(provider.side.secrets.options),
            home="account" if hub.connectors[name].refs_in else "provider",
            account=provider.side.secrets.options.get("account", "") if hub.connectors[name].refs_in else "",
            holder="G22.99" if hub.connectors[name].refs_in else None,
            update=True,
        )
        for name, provider in providers().items()
        if name in hub.connectors
    ]
