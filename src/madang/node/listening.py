"""The sockets that a node listens on: bound at its start, so that a taken port is told before anything is opened."""

import ipaddress
import socket
from contextlib import ExitStack
from typing import Final

from madang.core import hosts
from madang.core.addresses import host_port
from madang.errors import SetupError

UNSENT: Final = 128 * 1024
"""Unsent bytes that the kernel keeps for a client that does not read; by default it keeps 2.5 MB and more."""

UNREAD: Final = 64 * 1024
"""Bytes that a client may have sent before they are read: one read takes all of them, and by default that is megabytes."""


def listen(host: str, port: int, option: str) -> socket.socket:
    """Return a socket bound to an address, not accepting yet.

    Args:
        host: a name or an address.
        option: of the command line, to name in the error.

    Raises:
        SetupError: the address is not one of this machine, or is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # accepted sockets inherit it
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD)
            listener.bind((host, port))
            stack.pop_all()
            return listener
    except (OSError, OverflowError, UnicodeError) as error:
        what = getattr(error, "strerror", None) or error
        host_option = option.replace("port", "host")
        hint = f"Choose another with {option}."
        if isinstance(error, socket.gaierror | UnicodeError):
            hint = f"Name an address of this machine with {host_option}: 127.0.0.1, 0.0.0.0, ::1 …"
        raise SetupError(f"Cannot listen on {host_port(host, port)}: {what}.", hint) from None


def check_apart(listener: socket.socket, admin: socket.socket) -> None:
    """Check that two bound sockets do not share an address: neither accepts yet, so the kernel has let both have it.

    Raises:
        SetupError: they do.
    """
    (host, port, *_), (admin_host, admin_port, *_) = listener.getsockname(), admin.getsockname()
    if port != admin_port or listener.family != admin.family:
        return
    if host == admin_host or any(ipaddress.ip_address(each).is_unspecified for each in (host, admin_host)):
        raise SetupError(
            f"Both listeners are at port {port}: rooms and administration need one each.",
            "Choose another with --admin-port or MADANG_ADMIN_PORT.",
        )


def refuse_exposed(admin_host: str, meant: bool) -> None:
    """Refuse an admin listener that other machines would reach, unless that is meant.

    Raises:
        SetupError: it is refused.
    """
    if not meant and not hosts.is_loopback(admin_host):
        raise SetupError(
            f"Other machines would reach the admin listener at {admin_host}.",
            "Set admin_host to 127.0.0.1; or, if it is meant, MADANG_ADMIN_EXPOSED=1 and a MADANG_METRICS_TOKEN.",
        )


def names(*listening: str) -> set[str]:
    """Return the names by which the addresses that are listened on are known: what the machine is called among them."""
    known = set(listening)
    if not all(map(hosts.is_loopback, listening)):
        machine = socket.gethostname()
        known |= {machine, f"{machine.partition('.')[0]}.local"}
    return known
