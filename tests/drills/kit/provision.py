"""Who is who in a drill, given to the hub through its command line."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

from tests.drills.kit.processes import ROOT
from tests.sandbox_fixtures import KEY as BANK_SECRET

PORTAL_KEY = "sk_test_drill-portal-" + "p" * 40
OTHER_KEY = "sk_test_drill-2other-" + "o" * 40
FINANCE_KEY = "sk_test_drill-finance-" + "f" * 40
CALLBACK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RETURN_ORIGIN = "https://portal.example"
PORTAL, BANK, OTHER_BANK = "drill", "sandbox-a", "sandbox-b"
FLOWS: Mapping[str, str] = {BANK: "redirect", OTHER_BANK: "server"}
_RUN_ALL = "import json, sys; from paygw.cli.root import run; sys.exit(max(map(run, json.loads(sys.argv[1]))))"
_RATES = ("--rate-post", "100000", "--rate-get", "100000", "--rate-burst", "100000")


def provision(
    environment: Mapping[str, str],
    *,
    bank_urls: Mapping[str, str],
    callback_url: str = "",
    flows: Mapping[str, str] = FLOWS,
) -> None:
    """Two portals without a rate that could be felt, a finance key, sandbox banks: one redirects, one is called."""
    callbacks = callback_url or f"{RETURN_ORIGIN}/callbacks"
    portals = [
        ["portal", "add", "--id", portal, "--name", f"Cổng {portal}", "--key", key, "--secret", CALLBACK_SECRET,
         "--callback-url", callbacks, "--return-origin", RETURN_ORIGIN, *_RATES]
        for portal, key in ((PORTAL, PORTAL_KEY), ("other", OTHER_KEY))
    ]  # fmt: skip
    banks = [
        ["bank", "add", "--id", bank, "--connector", "sandbox", "--base-url", url, "--secret", BANK_SECRET,
         "--merchant", "PAYGW", "--set", f"flow={flows[bank]}"]
        for bank, url in bank_urls.items()
    ]  # fmt: skip
    paygw(environment, *portals, ["key", "add", "--scope", "finance", "--key", FINANCE_KEY], *banks)


def paygw(environment: Mapping[str, str], *commands: Sequence[str]) -> None:
    """Run command lines of paygw one after the other in one process; fails with their words."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN_ALL, json.dumps(commands)],
        cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
