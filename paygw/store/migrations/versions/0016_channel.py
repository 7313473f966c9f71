"""A refund that its channel failed with goes that way again only when two persons say so."""

from pathlib import Path

from paygw.store.migrations.script import run_script

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    message = "there is no way down from money: restore a backup instead"
    raise RuntimeError(message)
