"""Versions of tariffs and their life cycle; the days on which orders were priced by them."""

from pathlib import Path

from paygw.store.migrations.script import run_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    message = "there is no way down from money: restore a backup instead"
    raise RuntimeError(message)
