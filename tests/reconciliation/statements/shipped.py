"""The profiles that are shipped, by name."""

from typing import Final

from reconciliation.statements.read import SHIPPED, load_profile

PROFILES: Final = {path.stem: load_profile(path) for path in sorted(SHIPPED.glob("*.yaml"))}
