"""What the commands of the native protocol do: one function per operation. They parse, call services and delivery, and answer.

A new operation is a command in `protocol.native.commands`, a function here, and a row in the table.
"""

from collections.abc import Mapping
from typing import Final

from madang.protocol.native import commands as c
from madang.transports.native.operations import (
    appending,
    following,
    inviting,
    moderating,
    opening,
    papers,
    reading,
    reporting,
    signals,
    versions,
    wording,
)
from madang.transports.native.session import Operation

OPERATIONS: Final[Mapping[type[c.Command], Operation]] = {
    c.Hello: opening.hello,
    c.Refresh: opening.refresh,
    c.Profile: opening.profile,
    c.Ping: signals.ping,
    c.Typing: signals.typing,
    c.Read: signals.read,
    c.Join: following.join,
    c.Leave: following.leave,
    c.Create: following.create,
    c.Direct: following.direct,
    c.Change: following.change,
    c.Invite: inviting.invite,
    c.Invites: inviting.invites,
    c.Revoke: inviting.revoke,
    c.Kick: following.kick,
    c.Role: following.role,
    c.Ban: moderating.ban,
    c.Unban: moderating.unban,
    c.Bans: moderating.bans,
    c.Mute: moderating.mute,
    c.Unmute: moderating.unmute,
    c.Mutes: moderating.mutes,
    c.Words: wording.words,
    c.SetWords: wording.set_words,
    c.Report: reporting.report,
    c.Reports: reporting.reports,
    c.Resolve: reporting.resolve,
    c.Audit: moderating.audit,
    c.Send: appending.send,
    c.Edit: appending.edit,
    c.Delete: appending.delete,
    c.React: appending.react,
    c.Pin: appending.pin,
    c.History: reading.history,
    c.Pins: reading.pins,
    c.Reactors: reading.reactors,
    c.Members: reading.members,
    c.Presence: reading.presence,
    c.Rooms: reading.rooms,
    c.Search: reading.search,
    c.Papers: papers.papers,
    c.Paper: papers.paper,
    c.CreatePaper: papers.create,
    c.ChangePaper: papers.change,
    c.Finish: papers.finish,
    c.Reopen: papers.reopen,
    c.DeletePaper: papers.delete,
    c.OpenPaper: papers.open_paper,
    c.WritePaper: papers.write,
    c.ShowPaper: papers.show,
    c.ClosePaper: papers.close,
    c.Versions: versions.versions,
    c.CreateVersion: versions.create,
    c.Restore: versions.restore,
    c.DeleteVersion: versions.delete,
}
"""Every command has its operation here; a test holds the two together."""
