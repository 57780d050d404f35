"""Runs the migrations inside the transaction that `workflows.store.database.migrate` holds open."""

from alembic import context

from workflows.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=False,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
