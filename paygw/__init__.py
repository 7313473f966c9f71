"""Vietnam's public payment hub for the fees of administrative procedures."""

__version__ = "0.1.0"
