"""What Alembic runs to get a connection. Madang hands in the one whose transaction the whole upgrade is."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
