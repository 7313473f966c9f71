"""Adapters to the world outside: banks, portals, files, the vault, the clock, logs and metrics."""
