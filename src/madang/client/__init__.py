"""The Python SDK: talk in rooms over connections that break, and notice only the wait.

    async with madang.client.connect("ws://127.0.0.1:8400/ws", guest="Mina") as client:
        room = await client.join("lobby")
        await room.send("hello")
        async for event in room:
            ...

docs/guides/python.md shows how to use it. It is a program of its own: it depends on the protocol, not on the server.
"""

from madang.client.answers import (
    AuditEntry,
    Ban,
    Found,
    FoundMessage,
    History,
    Member,
    Membership,
    Message,
    Mute,
    Present,
    Reactor,
    Report,
    Reported,
    Sent,
    Words,
)
from madang.client.client import Client, connect
from madang.client.errors import ConnectionLost, Disconnected
from madang.client.events import (
    Event,
    MemberChanged,
    MemberErased,
    MemberJoined,
    MemberKicked,
    MemberLeft,
    MemberMuted,
    MemberUnbanned,
    MemberUnmuted,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageSent,
    MessageUnpinned,
    OtherEvent,
    PaperChanged,
    PaperCreated,
    PaperDeleted,
    ReactionAdded,
    ReactionRemoved,
    Reset,
    RoleGiven,
    RoomChanged,
    RoomCreated,
    RoomDeleted,
    RoomPurged,
)
from madang.client.link import State
from madang.client.notices import Behind, Notice, Online, OnlineCount, OpenReports, ReadTo, Skipped, Typing
from madang.client.paper import Shown
from madang.client.papers import OpenPaper, Papers
from madang.client.printing import printable
from madang.client.room import Room
from madang.client.urls import websocket_url
from madang.client.watch import RoomGone, Watch
from madang.errors import Limited, MadangError, Refused
from madang.protocol.native.answers import PaperInfo, ServerInfo, UserInfo

__all__ = [
    "AuditEntry",
    "Ban",
    "Behind",
    "Client",
    "ConnectionLost",
    "Disconnected",
    "Event",
    "Found",
    "FoundMessage",
    "History",
    "Limited",
    "MadangError",
    "Member",
    "MemberChanged",
    "MemberErased",
    "MemberJoined",
    "MemberKicked",
    "MemberLeft",
    "MemberMuted",
    "MemberUnbanned",
    "MemberUnmuted",
    "Membership",
    "Message",
    "MessageDeleted",
    "MessageEdited",
    "MessagePinned",
    "MessageSent",
    "MessageUnpinned",
    "Mute",
    "Notice",
    "Online",
    "OnlineCount",
    "OpenPaper",
    "OpenReports",
    "OtherEvent",
    "PaperChanged",
    "PaperCreated",
    "PaperDeleted",
    "PaperInfo",
    "Papers",
    "Present",
    "ReactionAdded",
    "ReactionRemoved",
    "Reactor",
    "ReadTo",
    "Refused",
    "Report",
    "Reported",
    "Reset",
    "RoleGiven",
    "Room",
    "RoomChanged",
    "RoomCreated",
    "RoomDeleted",
    "RoomGone",
    "RoomPurged",
    "Sent",
    "ServerInfo",
    "Shown",
    "Skipped",
    "State",
    "Typing",
    "UserInfo",
    "Watch",
    "Words",
    "connect",
    "printable",
    "websocket_url",
]
