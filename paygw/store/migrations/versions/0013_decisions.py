"""Decisions of two persons about money that no break and no batch asks for."""

from pathlib import Path

from paygw.store.migrations.script import run_script

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    message = "there is no way down from money: restore a backup instead"
    raise RuntimeError(message)
