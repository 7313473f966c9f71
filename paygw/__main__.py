"""`python -m paygw` and the `paygw` script."""

import gc
import sys

gc.disable()  # imports make much and drop nothing: looking through it time and again is a quarter of a short verb

from paygw.cli.root import command_line  # noqa: E402 - after the line above
from paygw.cli.shell import run_verb  # noqa: E402 - after the line above


def main() -> None:
    """Run the command line and leave with its exit code."""
    given = sys.argv[1:]
    cli = command_line(given)
    gc.freeze()
    gc.enable()
    sys.exit(run_verb(cli, given))


if __name__ == "__main__":
    main()
