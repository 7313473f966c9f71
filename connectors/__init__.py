"""One module speaks one bank protocol. Connectors are values without I/O and do not know each other."""
