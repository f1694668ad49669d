"""A real PgBouncer before a PostgreSQL of the tests. How servers are run is `daemons.py`."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from tests.daemons import Daemon, missing, running, temporary_home, unprivileged
from tests.servers import PostgresServer

CONF = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 500
ignore_startup_parameters = extra_float_digits
"""


class PgBouncer(Daemon):
    """A PgBouncer."""

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


@contextmanager
def run_pgbouncer(postgres: PostgresServer, mode: str, size: int = 20) -> Iterator[PgBouncer]:
    """Run a PgBouncer that gives out connections for a "session", "transaction" or "statement"."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        missing("PgBouncer is not installed; run scripts/install-servers as root (apt-get install pgbouncer)")
    with temporary_home("pgbouncer") as home:
        prefix = unprivileged("postgres", home)

        def command(port: int) -> list[str]:
            conf = home / "pgbouncer.ini"
            conf.write_text(CONF.format(server=postgres.port, port=port, mode=mode, size=size))
            return [*prefix, program, str(conf)]

        def ask(port: int) -> list[str]:
            return [str(postgres.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]

        with running(PgBouncer("PgBouncer", home, command, ask)) as pgbouncer:
            yield pgbouncer
