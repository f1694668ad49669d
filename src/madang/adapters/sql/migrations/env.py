"""What Alembic runs to get a connection: the one whose transaction the whole upgrade is part of."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
