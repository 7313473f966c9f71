"""Scheduled work: the tables and functions of procrastinate 3.10, made by the owner and used by the runtime role."""

from pathlib import Path

from paygw.store.migrations.script import run_script

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    message = "there is no way down from money: restore a backup instead"
    raise RuntimeError(message)
