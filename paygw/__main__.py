"""`python -m paygw` and the `paygw` script."""

import gc
import sys

from paygw.cli.root import command_line
from paygw.cli.shell import run_verb


def main() -> None:
    """Run the command line and leave with its exit code."""
    given = sys.argv[1:]
    # Imports make much and drop nothing: looking through it time and again is a quarter of a short verb.
    gc.disable()
    cli = command_line(given)
    gc.freeze()
    gc.enable()
    sys.exit(run_verb(cli, given))


if __name__ == "__main__":
    main()
