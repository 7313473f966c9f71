"""A database that was brought back knows it: deliveries wait, banks are asked, cursors of before are turned back."""

from pathlib import Path

from paygw.store.migrations.script import run_script

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    message = "there is no way down from money: restore a backup instead"
    raise RuntimeError(message)
