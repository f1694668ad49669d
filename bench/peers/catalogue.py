"""The peers: how each is started and spoken to, which loads it is given, and what it promises.

Its own few lines, where it needs some, are in go/, node/ and python/, each with a header that says what it lacks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypedDict

from bench import load
from bench.load import EVENT, Speech
from bench.peers.making import HERE, MADE, NODE_MODULES, PYTHON
from bench.tools import tool


@dataclass(frozen=True)
class Promises:
    """What a user of it gets, in a few words each: "no" where it is nothing."""

    stored: str
    resume: str
    order: str
    acks: str
    doubles: str

    @property
    def lacks(self) -> str:
        """What is missing, to stand beside a figure."""
        missing = {
            "durable storing": not self.stored.startswith("all"),
            "resume": self.resume.startswith("no"),
            "acks": self.acks == "no",
            "one order for all": self.order == "per sender",
            "order across servers": self.order == "on one server",
            "safe repeats": self.doubles != "never",
        }
        return ", ".join(name for name, is_missing in missing.items() if is_missing) or "–"


@dataclass(frozen=True)
class Site:
    """Where a server is to run: its port (the one above is free, too), its Redis' port, a folder, and sockets per room."""

    port: int
    redis: int
    place: Path
    group: int


@dataclass(frozen=True)
class Start:
    """How to start a server: the command line, what it needs in the environment, and files beside it."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


class Slower(TypedDict, total=False):
    """Loads of a peer that differ from the usual; fields of `Peer`."""

    quiet: float
    small: tuple[int, int, int]
    crowd: int


@dataclass(frozen=True)
class Peer:
    """One server.

    Attributes:
        quiet: the rate of its quiet room, in messages per second.
        small: the three rates of its small rooms.
        crowd: how many sockets are cut and come back.
    """

    name: str
    title: str
    language: str
    speech: Speech
    promises: Promises
    needs: tuple[str, ...] = ()
    quiet: float = 50
    small: tuple[int, int, int] = (5_000, 10_000, 20_000)
    crowd: int = 10_000

    def start(self, site: Site) -> Start:
        """Tell how to start it."""
        return _STARTS[self.name](site)


_NOTHING: Final = Promises("no", "no", "on one server", "no", "possible")
_PER_SENDER: Final = Promises("no", "no", "per sender", "no", "possible")
_SOCKETIO_SAYS: Final = Promises("no", "no", "on one server", "optional: the server has it", "possible")
_CENTRIFUGE_SAYS: Final = Promises(
    "newest 1,000, in memory", "from the newest 1,000", "per room", "the server has it", "possible"
)
_BY_REDIS: Final = Promises("newest 1,000, in Redis", "from the newest 1,000", "per room", "Redis has it", "possible")
_S0: Final = Promises("all, in SQLite", "no, the newest 50", "per sender", "no", "possible")

_PLAIN: Final = Speech("/", "g{G}", EVENT, listen_back=("--joined", "joined"))
_SOCKETIO: Final = Speech(
    path="/socket.io/?EIO=4&transport=websocket",
    hello='40{"room":"g{G}"}',
    publish=f'42["message",{EVENT}]',
    listen_back=("--joined", '42["joined"'),
)
_CENTRIFUGE: Final = Speech(
    path="/",
    hello='{"id":1,"connect":{}}|{"id":2,"subscribe":{"channel":"g{G}","recoverable":true}}',
    publish=f'{{"id":{{N}},"publish":{{"channel":"g{{G}}","data":{EVENT}}}}}',
    again='{"id":1,"connect":{}}|{"id":2,"subscribe":{"channel":"g{G}","recover":true,"epoch":"{E}","offset":{S}}}',
    listen=("--error", '"error":{', "--seq", '"offset":'),
    listen_back=("--joined", '"subscribe":{', "--epoch", '"epoch":"'),
)
# NATS wants to know a message's length beforehand.
_PAYLOAD: Final = EVENT.replace("{N}", "123456").replace("{G}", "0").replace("{T}", "{F}")
_NATS: Final = Speech(
    path="/",
    hello='CONNECT {"verbose":false,"pedantic":false}\r\n|SUB g{G} 1\r\n|PING\r\n',
    publish=f"PUB g{{G}} {len(_PAYLOAD.replace('{F}', '0' * 20))}\r\n{_PAYLOAD}\r\n",
    listen=("--error", "-ERR"),
    listen_back=("--joined", "PONG"),
)
# What cannot carry the usual rates gets lower ones, and fewer sockets to bring back; the tables say so.
_SLOWER: Final[Slower] = {"small": (2_000, 5_000, 10_000)}
_SLOW: Final[Slower] = {"quiet": 5, "small": (500, 1_000, 2_000), "crowd": 2_000}
_SLOWEST: Final[Slower] = {"quiet": 1, "small": (100, 200, 400), "crowd": 2_000}

MADANG: Final = Peer(
    "madang", "Madang, every message stored", "Python", load.MADANG,
    Promises("all, synced to disk", "from anywhere", "per room", "it is stored", "never"),
)  # fmt: skip
SOCKETIO_DOOR: Final = Peer(
    "madang-socketio", "Madang by Socket.IO, every message stored", "Python", load.SOCKETIO_DOOR, MADANG.promises
)
MADANG_DOORS: Final = (MADANG, SOCKETIO_DOOR)
PEERS: Final = {
    peer.name: peer
    for peer in (
        *MADANG_DOORS,
        Peer("fanout-floor", "fanout_floor (the limit)", "C", load.FLOOR, _NOTHING),
        Peer("nats", "NATS over WebSocket", "Go", _NATS, _PER_SENDER, ("go",)),
        Peer("fiber", "Fiber websocket", "Go", _PLAIN, _NOTHING, ("go",)),
        Peer("centrifuge", "centrifuge, memory engine", "Go", _CENTRIFUGE, _CENTRIFUGE_SAYS, ("go",)),
        Peer("centrifuge-redis", "centrifuge, Redis engine", "Go", _CENTRIFUGE, _BY_REDIS, ("go", "redis")),
        Peer("ws", "ws", "Node", _PLAIN, _NOTHING, ("node",)),
        Peer("socketio", "Socket.IO", "Node", _SOCKETIO, _SOCKETIO_SAYS, ("node",)),
        Peer("socketio-redis", "Socket.IO, Redis adapter", "Node", _SOCKETIO, _SOCKETIO_SAYS, ("node", "redis")),
        Peer("asgi", "uvicorn (bare ASGI)", "Python", _PLAIN, _PER_SENDER, ("python",), **_SLOWER),
        Peer("aiohttp", "aiohttp", "Python", _PLAIN, _PER_SENDER, ("python",), **_SLOWER),
        Peer("python-socketio", "python-socketio", "Python", _SOCKETIO, _SOCKETIO_SAYS, ("python",), **_SLOW),
        Peer("django", "Django Channels, Redis", "Python", _PLAIN, _PER_SENDER, ("python", "redis"), **_SLOWEST),
        Peer(
            "django-cache",
            "Django Channels, database and cache",
            "Python",
            _PLAIN,
            _S0,
            ("python", "redis"),
            **_SLOWEST,
        ),
    )
}


def _go(program: str, *arguments: int) -> Start:
    return Start((str(MADE / "go" / program), *map(str, arguments)), {"GOMAXPROCS": "1"})


def _node(script: str, *arguments: int) -> Start:
    return Start(("node", str(HERE / "node" / script), *map(str, arguments)), {"NODE_PATH": str(NODE_MODULES)})


def _python(script: str, *arguments: int) -> Start:
    return Start((str(PYTHON), str(HERE / "python" / script), *map(str, arguments)))


def _nats(site: Site) -> Start:
    config = (
        f'host: "127.0.0.1"\nport: {site.port + 1}\nmax_connections: 100000\n'
        f'websocket {{ host: "127.0.0.1", port: {site.port}, no_tls: true }}\n'
    )
    argv = (str(MADE / "go" / "nats-server"), "-c", str(site.place / "nats.conf"))
    return Start(argv, {"GOMAXPROCS": "1"}, {"nats.conf": config})


def _django(site: Site, keep: str) -> Start:
    listen = ("-b", "127.0.0.1", "-p", str(site.port), "-v", "0")
    environment = {"ROOMS_REDIS": str(site.redis), "PYTHONPATH": str(HERE / "python")}
    argv = (str(PYTHON), "-m", "daphne", *listen, "django_rooms:application")
    return Start(argv, environment | ({"ROOMS_KEEP": keep} if keep else {}))


_STARTS: Final[dict[str, Callable[[Site], Start]]] = {
    "fanout-floor": lambda site: Start((str(tool("fanout_floor")), str(site.port), str(site.group))),
    "nats": _nats,
    "fiber": lambda site: _go("fiber", site.port),
    "centrifuge": lambda site: _go("centrifuge", site.port),
    "centrifuge-redis": lambda site: _go("centrifuge", site.port, site.redis),
    "ws": lambda site: _node("ws.js", site.port),
    "socketio": lambda site: _node("socketio.js", site.port),
    "socketio-redis": lambda site: _node("socketio.js", site.port, site.redis),
    "asgi": lambda site: _python("asgi_rooms.py", site.port),
    "aiohttp": lambda site: _python("aiohttp_rooms.py", site.port),
    "python-socketio": lambda site: _python("socketio_rooms.py", site.port),
    "django": lambda site: _django(site, ""),
    "django-cache": lambda site: _django(site, str(site.place)),
}
