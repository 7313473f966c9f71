"""`python -m paygw` and the `paygw` script."""

import sys
from importlib import import_module
from typing import Final

# Verbs on files alone: they start without loading the hub.
_ALONE: Final = {"recon": "paygw.cli.recon"}


def main() -> None:
    """Run the command line and leave with its exit code."""
    first = next(iter(sys.argv[1:]), "")
    sys.exit(import_module(_ALONE.get(first, "paygw.cli.root")).run())


if __name__ == "__main__":
    main()
