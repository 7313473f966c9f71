"""Use cases, one file per thing a person asks for. Each takes a transaction and never commits."""
