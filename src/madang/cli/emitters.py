"""What `madang doctor` looks at of the Redis where Socket.IO's emitters publish, if there is to be one."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from madang.adapters.catalogue import inspect_emitter
from madang.cli.unsafe_settings import Finding
from madang.errors import SetupError
from madang.node.emitters import is_heard

if TYPE_CHECKING:
    from madang.config import Settings


async def emitter(settings: "Settings") -> list[Finding]:
    """Look at the Redis of MADANG_SOCKETIO_EMITTER; nothing is found where none is named."""
    try:
        if not is_heard(settings):
            return []
        held = await inspect_emitter(settings.socketio_emitter)
    except SetupError as error:
        return [Finding("fail", error.problem, error.hint)]
    where = urlsplit(settings.socketio_emitter).netloc.rpartition("@")[2]
    now = "a node listens" if held else "no node listens now"
    return [Finding("ok", f"What emitters publish at {where} can be heard; {now}.")]
