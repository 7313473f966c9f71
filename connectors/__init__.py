"""One module speaks one bank protocol. Connectors are values without I/O and do not know each other."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from paygw.kernel.connector import Connector


def discover() -> Mapping[str, Connector]:
    """Every connector by its name. Raises TypeError for a module of this package that is none."""
    found: dict[str, Connector] = {}
    for info in iter_modules(__path__):
        connector = getattr(import_module(f"{__name__}.{info.name}"), "CONNECTOR", None)
        if not isinstance(connector, Connector) or connector.name != info.name:
            raise TypeError(f"connectors.{info.name} has no CONNECTOR of that name")
        found[info.name] = connector
    return MappingProxyType(found)
