"""Rows in the order of their transactions: rollup mark, seals, evidence; fewer indexes, not more."""

from pathlib import Path

from paygw.store.migrations.script import run_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    message = "there is no way down from money: restore a backup instead"
    raise RuntimeError(message)
