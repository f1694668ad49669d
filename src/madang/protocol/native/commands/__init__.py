"""What clients send, as typed structs: one command per text frame, a JSON object whose "op" names the operation.

`n` is the client's number for the command; the answer repeats it. Unknown fields are ignored, so that an older server
understands a newer client. Identity, seq, id and time are never taken from the client.
The table below has all of them; each file has the commands of the operations in the file of its name in
`transports.native.operations`. The rules of text and rooms are in `core`.
"""

from typing import Final

from madang.protocol.native.commands.appending import Delete, Edit, Pin, React, Send
from madang.protocol.native.commands.command import VERSION as VERSION
from madang.protocol.native.commands.command import Command as Command
from madang.protocol.native.commands.following import Change, Create, Direct, Join, Kick, Leave, Role
from madang.protocol.native.commands.inviting import Invite, Invites, Revoke
from madang.protocol.native.commands.moderating import Audit, Ban, Bans, Mute, Mutes, Unban, Unmute
from madang.protocol.native.commands.opening import Hello, Profile, Refresh
from madang.protocol.native.commands.papers import (
    ChangePaper,
    ClosePaper,
    CreatePaper,
    DeletePaper,
    Finish,
    OpenPaper,
    Paper,
    Papers,
    Reopen,
    ShowPaper,
    WritePaper,
)
from madang.protocol.native.commands.reading import History, Members, Pins, Presence, Reactors, Rooms, Search
from madang.protocol.native.commands.reporting import Report, Reports, Resolve
from madang.protocol.native.commands.signals import Ping, Read, Typing
from madang.protocol.native.commands.versions import CreateVersion, DeleteVersion, Restore, Versions
from madang.protocol.native.commands.wording import SetWords, Words

AnyCommand = (
    Hello
    | Refresh
    | Profile
    | Join
    | Leave
    | Send
    | Edit
    | Delete
    | React
    | Pin
    | History
    | Pins
    | Reactors
    | Members
    | Rooms
    | Presence
    | Search
    | Create
    | Direct
    | Change
    | Invite
    | Invites
    | Revoke
    | Kick
    | Role
    | Ban
    | Unban
    | Bans
    | Mute
    | Unmute
    | Mutes
    | Words
    | SetWords
    | Report
    | Reports
    | Resolve
    | Audit
    | Papers
    | Paper
    | CreatePaper
    | ChangePaper
    | Finish
    | Reopen
    | DeletePaper
    | OpenPaper
    | WritePaper
    | ShowPaper
    | ClosePaper
    | Versions
    | CreateVersion
    | Restore
    | DeleteVersion
    | Typing
    | Read
    | Ping
)
COMMANDS: Final = {c.__name__.lower(): c for c in AnyCommand.__args__}
