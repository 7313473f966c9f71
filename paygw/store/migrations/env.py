"""Alembic's entry: the connection is handed over by `paygw.store.migrate`, never configured here."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
