"""`paygw demo`: the whole story, headless, with real processes, judged by the banks' own truth."""

from paygw.cli.demo.command import demo

__all__ = ["demo"]
