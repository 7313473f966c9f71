"""Run the sample portal: `python -m examples.portal --port 9001 --hub URL --key K --secret whsec_... --data DIR`."""

import argparse
from pathlib import Path

import uvicorn

from examples.portal.app import Config, build


def main() -> None:
    """Read the options and serve until told to stop."""
    options = argparse.ArgumentParser(prog="python -m examples.portal", description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=9001)
    options.add_argument("--hub", required=True, help="origin of the hub, such as http://127.0.0.1:8080")
    options.add_argument("--key", required=True, help="the portal's API key, sk_test_…")
    options.add_argument("--secret", required=True, action="append", help="whsec_…; twice during a rotation")
    options.add_argument("--data", type=Path, required=True, help="folder of the portal's record")
    options.add_argument("--origin", help="where citizens reach this portal; registered at the hub")
    options.add_argument("--collecting-body", default="G22.99")
    given = options.parse_args()
    config = Config(
        hub_url=given.hub,
        key=given.key,
        webhook_secrets=tuple(given.secret),
        data=given.data,
        origin=(given.origin or f"http://{given.host}:{given.port}").rstrip("/"),
        collecting_body=given.collecting_body,
    )
    uvicorn.run(build(config), host=given.host, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
