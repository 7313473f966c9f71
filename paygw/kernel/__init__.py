"""The pure kernel: frozen values in, decisions out. No clock, session, network or environment."""
