"""Every setting, declared once: name, default and help. A class is a group, and a table in the TOML file.

A new setting is a line here, and docs/reference/settings.md is generated from it. A name is unique over all groups,
because the environment and the command line have no tables. How settings are read is in `load.py`.
"""

import json
import re
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from madang.core import hosts
from madang.core.words import MAX_SERVER_WORDS, checked_word
from madang.errors import Refused

# Validators raise ValueError with what the value must be; `wrong_values.py` makes the sentence of it.


def _list(value: Any) -> Any:
    """Return the list that a text in the environment writes as JSON."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ValueError('a list as JSON: ["one", "two"]')
    return found


def _origin(text: str) -> str:
    """Return an origin as browsers write it."""
    if (found := text if text == "*" else hosts.origin(text)) is None:
        raise ValueError("a list of origins: https://NAME or http://NAME:PORT, without a path, and no part of it *")
    return found


def _host(text: str) -> str:
    """Return a host name in its one spelling."""
    if (found := text if text == "*" else hosts.host(text)) is None:
        raise ValueError("a list of names or addresses, without scheme, port and path")
    return found


def _network(text: str) -> str:
    """Return an address or a network in its one spelling."""
    try:
        return str(ip_network(text, strict=False) if "/" in text else ip_address(text))
    except ValueError:
        raise ValueError("a list of addresses (10.0.0.7) or networks (10.0.0.0/8)") from None


def _word(text: str) -> str:
    """Return a word of a word list."""
    try:
        return checked_word(text)
    except Refused:
        raise ValueError("a list of words, each of 1 to 32 letters and digits") from None


def _listened(host: str) -> str:
    """Return an address to listen on without the brackets that an IPv6 address has in a URL."""
    if not host:  # the socket library takes it for every interface
        raise ValueError("an address of this machine, or 0.0.0.0 for every interface")
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _token(text: str) -> str:
    """Return a token that fits into a header and cannot be guessed."""
    if text and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,}", text):
        raise ValueError("16 or more of letters, digits and . _ ~ + / = -")
    return text


def _formerly(spelling: dict[str, str]) -> Callable[[object], object]:
    """Return what reads a value as versions before wrote it, too."""
    return lambda value: spelling.get(str(value).lower(), value)


_Listened = Annotated[str, AfterValidator(_listened)]
_Origins = Annotated[list[Annotated[str, AfterValidator(_origin)]], BeforeValidator(_list)]
_Hosts = Annotated[list[Annotated[str, AfterValidator(_host)]], BeforeValidator(_list)]
_Words = Annotated[
    list[Annotated[str, AfterValidator(_word)]], Field(max_length=MAX_SERVER_WORDS), BeforeValidator(_list)
]
_Networks = Annotated[list[Annotated[str, AfterValidator(_network)]], BeforeValidator(_list)]


class ServerSettings(BaseModel):
    """Where the server listens, who may connect, and where its files are."""

    host: _Listened = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(default=8400, ge=0, le=65535, description="Port to listen on; 0 for any free one.")
    admin_host: _Listened = Field(
        default="127.0.0.1", description="Address of the second listener, for /metrics and administration."
    )
    admin_port: int = Field(
        default=8401, ge=0, le=65535, description="Port of the second listener; 0 for any free one."
    )
    admin_exposed: bool = Field(
        default=False, description="Allow an admin_host that other machines reach; /metrics then wants a token, too."
    )
    metrics_token: Annotated[str, AfterValidator(_token)] = Field(
        default="",
        repr=False,
        description="Token with which /metrics is read where other machines reach it; without one, only by the admin secret.",
    )
    data: Path = Field(default=Path("data"), description="Folder for everything the embedded server keeps.")
    hosts: _Hosts = Field(
        default=[],
        description="Names visitors reach this server by, as a JSON list; addresses, localhost and the machine's own are known.",
    )
    origins: _Origins = Field(
        default=[],
        description='Origins a browser may connect from besides the server\'s own, as a JSON list; ["*"] for any.',
    )
    trusted_proxies: _Networks = Field(
        default=[], description="Addresses or networks of proxies whose X-Forwarded-For is believed, as a JSON list."
    )
    compression: bool = Field(
        default=False, description="Offer permessage-deflate; saves traffic, costs memory and CPU per socket."
    )
    ping_s: float = Field(
        default=25, ge=1, le=60, description="Seconds between pings; after two unanswered the peer is dropped."
    )
    start_wait_s: float = Field(
        default=300,
        ge=0,
        description="Seconds a start waits for a database or bus that cannot be reached; 0 for not at all.",
    )


class DatabaseSettings(BaseModel):
    """Where rooms and messages are stored."""

    database: str = Field(
        default="",
        description="Database URL: sqlite:///…, postgresql://…, mysql://…; empty for SQLite in the data folder.",
    )


class SearchSettings(BaseModel):
    """What members find messages by."""

    search: str = Field(
        default="database:",
        description="Search index: database: for one in the database, or beside that of SQLite; "
        "opensearch+http://… or elasticsearch+http://… for a search engine; off for no search.",
    )


class BusSettings(BaseModel):
    """How the nodes of a fleet reach each other."""

    bus: str = Field(
        default="memory:",
        description="Bus between nodes: memory: for a single node, "
        "redis://…, redis+sentinel://…, redis+cluster://…, nats://…, amqp://…, postgresql://….",
    )
    bus_channels: Literal["all", "partition", "room", "adaptive"] = Field(
        default="partition",
        description="Channels of a Redis, NATS or RabbitMQ bus, the same on every node: all, partition, room or adaptive.",
    )


class SocketIoSettings(BaseModel):
    """What a backend that has Socket.IO's Redis emitter sends: see docs/guides/socketio.md."""

    socketio_emitter: str = Field(
        default="",
        repr=False,
        description="URL of the Redis where @socket.io/redis-emitter publishes (as MADANG_BUS has it), whose messages are stored; empty for none.",
    )
    socketio_emitter_key: str = Field(
        default="", repr=False, description="Server key (mk_…) by whose right they are; it needs the scope publish."
    )


class AccessSettings(BaseModel):
    """Who may come in and what they may make."""

    guests: Annotated[Literal["open", "keys", "off"], BeforeValidator(_formerly({"true": "open", "false": "keys"}))] = (
        Field(
            default="open",
            description="Who may make a user by giving a name: open for anybody, keys for servers with a key, off for nobody.",
        )
    )
    accounts: Literal["", "open", "keys", "off"] = Field(
        default="",
        description="Who may make an account by choosing a login and a password: open for anybody, keys for servers with a key, "
        "off for nobody; empty for keys where jwt_… or guests=keys say that your own server lets people in, else open. "
        "`madang user create` always may.",
    )
    create_rooms: Annotated[
        Literal["anyone", "accounts", "keys"], BeforeValidator(_formerly({"everyone": "anyone"}))
    ] = Field(
        default="anyone",
        description="Who may make rooms: anyone, accounts for users who are not guests, or keys for servers with a key; "
        "`madang room create` always may.",
    )


class IssuerSettings(BaseModel, extra="forbid"):
    """One outside issuer of several: the settings of its group, without `jwt_`, and a name."""

    name: str
    secret: str = Field(default="", repr=False)
    jwks: str = ""
    algorithms: list[str] = []
    issuer: str = ""
    audience: str = ""
    name_claim: str = "name"
    picture_claim: str = "picture"
    rooms_claim: str = ""


class JwtSettings(BaseModel):
    """Tokens (JWTs) of your own sign-in, by which its users are let in: see docs/guides/sign-in.md."""

    jwt_secret: str = Field(
        default="",
        repr=False,
        description="Secret that your server signs tokens with by HS256, of 32 bytes or more; empty for none.",
    )
    jwt_jwks: str = Field(
        default="", description="URL where your issuer publishes its keys (JWKS); in place of a secret."
    )
    jwt_algorithms: Annotated[list[str], BeforeValidator(_list)] = Field(
        default=[],
        description="Algorithms of its tokens, as a JSON list: HS256 with a secret, else of RS256, ES256 and EdDSA; empty for these.",
    )
    jwt_issuer: str = Field(default="", description="What iss of its tokens must be; required with jwt_jwks.")
    jwt_audience: str = Field(default="", description="What aud of its tokens must be; required with jwt_jwks.")
    jwt_name_claim: str = Field(default="name", description="Claim with the name that others see.")
    jwt_picture_claim: str = Field(default="picture", description="Claim with the URL of a picture; empty for none.")
    jwt_rooms_claim: str = Field(
        default="",
        description="Claim with a list of rooms that the holder may join, also invite-only ones; empty for none.",
    )
    jwt_issuers: Annotated[list[IssuerSettings], BeforeValidator(_list)] = Field(
        default=[],
        repr=False,
        description="Several issuers, or others besides: a list of tables with name, and the above without jwt_.",
    )


class LimitSettings(BaseModel):
    """Sizes, numbers and rates above which clients are refused."""

    max_text: int = Field(default=4000, ge=1, le=16_000, description="Longest text of a message, in characters.")
    max_rooms: int = Field(default=200, ge=1, le=10_000, description="Rooms one connection may follow.")
    buffer_mb: int = Field(
        default=256,
        ge=16,
        description="Megabytes that all buffers of this node may hold together; see docs/start/promises.md.",
    )
    kick_s: int = Field(
        default=600, ge=0, description="Seconds for which somebody who was kicked cannot join an open room again."
    )
    max_sockets: int = Field(default=50_000, ge=1, description="WebSockets this node accepts.")
    max_sockets_per_address: int = Field(default=500, ge=1, description="WebSockets it accepts from one address.")
    user_rate: float = Field(
        default=10, ge=0, description="Messages and other changes a second per user; 0 for no limit."
    )
    user_burst: int = Field(default=30, ge=1, description="How many of them at once.")
    room_rate: float = Field(default=2000, ge=0, description="Changes a second per room; 0 for no limit.")
    command_rate: float = Field(default=50, ge=0, description="Commands a second per connection; 0 for no limit.")
    address_rate: float = Field(default=50, ge=0, description="Handshakes a second per address; 0 for no limit.")
    handshake_rate: float = Field(
        default=1000, ge=0, description="Handshakes a second of all addresses; 0 for no limit."
    )
    request_rate: float = Field(
        default=100,
        ge=0,
        description="HTTP requests a second per address, those with a server key apart; 0 for no limit.",
    )
    load_test: bool = Field(
        default=False, description="Lift rates, quotas, admission and caps per address, never sizes or order."
    )


def _quota(default: int, what: str) -> Any:
    return Field(default=default, ge=0, description=f"{what}; 0 for no limit.")


class QuotaSettings(BaseModel):
    """How much that stays in the database may be made in a day, at once or spread. Server keys have no quotas."""

    quota_rooms_per_user: int = _quota(20, "Rooms a user makes in a day")
    quota_rooms_per_address: int = _quota(500, "Rooms that users of one address make in a day")
    quota_rooms_in_all: int = _quota(20_000, "Rooms that all users make in a day")
    quota_owned: int = _quota(50, "Rooms a user may own, for good")
    quota_memberships: int = _quota(500, "Rooms a user may be a member of, for good")
    quota_joins_per_user: int = _quota(300, "Rooms a user becomes a member of in a day")
    quota_joins_per_address: int = _quota(10_000, "Memberships of users of one address in a day")
    quota_joins_in_all: int = _quota(1_000_000, "Memberships of all users in a day")
    quota_returns_per_user: int = _quota(6, "Times a user joins the same room in an hour")
    quota_returns_per_address: int = _quota(500, "Times users of one address join the same room again in an hour")
    quota_invites_per_user: int = _quota(100, "Invites a user makes in a day")
    quota_invites_per_address: int = _quota(1_000, "Invites that users of one address make in a day")
    quota_invites_in_all: int = _quota(50_000, "Invites that all users make in a day")
    quota_reactions_per_user: int = _quota(2_000, "Reactions a user puts on or takes off in a day")
    quota_reactions_per_address: int = _quota(100_000, "Reactions of users of one address in a day")
    quota_reactions_in_all: int = _quota(2_000_000, "Reactions of all users in a day")
    quota_profiles_per_user: int = _quota(20, "Times a user changes their profile in a day")
    quota_profiles_per_address: int = _quota(1_000, "Changes of profiles from one address in a day")
    quota_kilobytes_per_user: int = _quota(65_536, "Kilobytes of messages, edits and other changes of a user in a day")
    quota_kilobytes_per_address: int = _quota(2_000_000, "Kilobytes of them from users of one address in a day")
    quota_guests_per_address: int = _quota(5_000, "New guests of one address in a day")
    quota_guests_in_all: int = _quota(200_000, "New guests in a day")
    quota_accounts_per_address: int = _quota(200, "New accounts of one address in a day")
    quota_accounts_in_all: int = _quota(20_000, "New accounts in a day")
    quota_sessions_per_user: int = _quota(50, "Times a user signs in in a day")
    quota_sessions_per_address: int = _quota(2_000, "Sign-ins of users of one address in a day")
    quota_sessions_in_all: int = _quota(50_000, "Sign-ins of all users in a day")


class WordSettings(BaseModel):
    """The word list of all rooms; rooms may have lists of their own."""

    words_refuse: _Words = Field(default=[], description="Words with which no message is taken, as a JSON list.")
    words_mask: _Words = Field(default=[], description="Words that are shown as asterisks, as a JSON list.")
    words_flag: _Words = Field(default=[], description="Words that a room's moderators are told of, as a JSON list.")


class ExpireSettings(BaseModel):
    """When what nobody needs any more is removed from the database."""

    expire_rooms_days: int = Field(
        default=30, ge=0, description="Days after which a room without members and news is deleted; 0 for never."
    )
    expire_guests_days: int = Field(
        default=60, ge=0, description="Days after which an absent guest leaves all rooms; 0 to keep them."
    )
    expire_audit_days: int = Field(
        default=365, ge=0, description="Days after which audit entries are forgotten; 0 to keep a room's last 10,000."
    )


class LogSettings(BaseModel):
    """What is logged, and how."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="console for people, json for machines."
    )


GROUPS: Final[dict[str, type[BaseModel]]] = {
    "server": ServerSettings,
    "database": DatabaseSettings,
    "search": SearchSettings,
    "bus": BusSettings,
    "socketio": SocketIoSettings,
    "access": AccessSettings,
    "jwt": JwtSettings,
    "limits": LimitSettings,
    "quota": QuotaSettings,
    "words": WordSettings,
    "expire": ExpireSettings,
    "log": LogSettings,
}


def key_in_table(group: str, name: str) -> str:
    """Return what a setting is called in its group's table: `bus_channels` is `channels` in [bus], and `bus` is `url`."""
    return "url" if name == group else name.removeprefix(f"{group}_")
