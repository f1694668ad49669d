"""The real nginx and HAProxy for tests, from the files in deploy/: only ports and the addresses of nodes are put in.

How servers are run is `daemons.py`. What is proven with them: `scenario/fleet/test_proxies.py`, `docs/test_deploy.py`.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from tests.daemons import Daemon, missing, running, temporary_home, unprivileged

DEPLOY: Final = Path(__file__).resolve().parents[1] / "deploy"
NGINX: Final = DEPLOY / "nginx" / "madang.conf"
NGINX_BY_ROOM: Final = DEPLOY / "nginx" / "hash-by-room.conf"
HAPROXY: Final = DEPLOY / "haproxy" / "haproxy.cfg"
# What the operator's own nginx.conf has around madang.conf. Two processes, because what one of them has seen of the nodes
# the other must know.
AROUND: Final = """
daemon off;
worker_processes 2;
pid {home}/pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/madang.conf;
}}
"""


AS_IT_IS: Final[Mapping[str, str]] = {}


class Proxy(Daemon):
    """A proxy."""

    @property
    def url(self) -> str:
        """Where the native protocol is spoken through it."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def http(self) -> str:
        """Where HTTP is spoken through it."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def run_nginx(nodes: Sequence[int], *, by_room: bool = False, put: Mapping[str, str] = AS_IT_IS) -> Iterator[Proxy]:
    """Run nginx before the nodes on these ports, with `least_conn` or with hash-by-room.conf."""
    program = _program("nginx")
    with temporary_home("nginx") as home:
        prefix = unprivileged("www-data", home)

        def command(port: int) -> list[str]:
            write_nginx(home, _with(put, nginx_text(by_room=by_room)), nodes, port)
            # Its first error log, before it has read the file, is one that it may not write to.
            return [*prefix, program, "-e", "stderr", "-p", str(home), "-c", str(home / "nginx.conf")]

        with running(Proxy("nginx", home, command, _ask)) as proxy:
            yield proxy


@contextmanager
def run_haproxy(nodes: Sequence[int], *, by_room: bool = False, put: Mapping[str, str] = AS_IT_IS) -> Iterator[Proxy]:
    """Run HAProxy before the nodes on these ports, with `leastconn` or with the other balance that its file names."""
    program = _program("haproxy")
    with temporary_home("haproxy") as home:
        prefix = unprivileged("haproxy", home)

        def command(port: int) -> list[str]:
            text = re.sub(r"bind 127.0.0.1:8400\b", f"bind 127.0.0.1:{port}", _with(put, haproxy_text(by_room=by_room)))
            (home / "haproxy.cfg").write_text(_with_nodes(text, nodes))
            return [*prefix, program, "-db", "-f", str(home / "haproxy.cfg")]

        with running(Proxy("HAProxy", home, command, _ask)) as proxy:
            yield proxy


RUN: Final[dict[str, Callable[..., AbstractContextManager[Proxy]]]] = {"nginx": run_nginx, "haproxy": run_haproxy}


def nginx_text(*, by_room: bool = False) -> str:
    """Return deploy's file, or that with the other file's `upstream` in place of its own, as that one says."""
    text = NGINX.read_text()
    if not by_room:
        return text
    text, replaced = re.subn(r"^upstream madang \{.*?^\}\n", "", text, flags=re.MULTILINE | re.DOTALL)
    assert replaced == 1
    return text + NGINX_BY_ROOM.read_text()


def haproxy_text(*, by_room: bool = False) -> str:
    """Return deploy's file, or that with the lines that it names as the other choice."""
    text = HAPROXY.read_text()
    if not by_room:
        return text
    text, replaced = re.subn(r"^    #   (balance|hash-type)", r"    \1", text, flags=re.MULTILINE)
    assert replaced == 2
    return text.replace("    balance leastconn\n", "")


def write_nginx(home: Path, text: str, nodes: Sequence[int], port: int) -> None:
    """Write what nginx is started with."""
    (home / "nginx.conf").write_text(AROUND.format(home=home))
    text = re.sub(r"listen 127.0.0.1:8400\b", f"listen 127.0.0.1:{port}", text)
    (home / "madang.conf").write_text(_with_nodes(text, nodes))


def judged(command: Sequence[str], cwd: Path) -> str:
    """Let a program judge a file of its own; gives what it said if it did not like it."""
    done = subprocess.run([_program(command[0]), *command[1:]], cwd=cwd, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 and "[WARNING]" not in done.stderr else done.stdout + done.stderr


def _with(put: Mapping[str, str], text: str) -> str:
    for there, instead in put.items():
        assert there in text
        text = text.replace(there, instead)
    return text


def _with_nodes(text: str, nodes: Sequence[int]) -> str:
    """Put as many nodes as there are in the place of the three in each list of the file."""

    def these(found: re.Match[str]) -> str:
        first = found[0].splitlines(keepends=True)[0]
        return "".join(
            re.sub(r"node1 ", f"node{i} ", re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", first))
            for i, port in enumerate(nodes, 1)
        )

    text, lists = re.subn(
        r"^ +server .*:8410.*\n +server .*:8420.*\n +server .*:8430.*\n", these, text, flags=re.MULTILINE
    )
    assert lists
    return text


def _ask(port: int) -> list[str]:
    # That it listens will do: there need be no nodes yet, and they may be in this process.
    return ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]


def _program(name: str) -> str:
    """Find a program; Debian keeps these where only root's PATH looks."""
    if found := shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin"):
        return found
    missing(f"{name} is not installed; run scripts/install-servers as root (apt-get install {name})")
