"""Alembic revisions: one SQL script each, named like its revision."""
