"""What can be wrong with the files of a run: one sentence that says where and what to do."""

from paygw.kernel.errors import PaygwError


class BadFile(PaygwError):
    """A file is not what `docs/contract.md` section 9 says. `line` is 0 where the whole file is meant."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}" if line else f"{path}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


class TooMuchLeft(PaygwError):
    """So many rows match nothing that the files hardly belong together."""
