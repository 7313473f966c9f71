"""Reading the files of banks, providers and the treasury: bytes in, a checked file out; pure."""
