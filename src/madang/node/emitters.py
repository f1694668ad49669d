"""Which emitters beside the server are heard, from the settings."""

from madang.adapters.catalogue import open_emitter
from madang.config import Settings
from madang.errors import SetupError
from madang.transports.node import Node, Part
from madang.transports.socketio.emitter import Emitter


def emitter_of(settings: Settings, node: Node) -> list[Part]:
    """Return the part that publishes what is emitted, if there is to be one. Raise SetupError for what is missing or wrong."""
    if not is_heard(settings):
        return []
    heard, emitter = open_emitter(settings.socketio_emitter), Emitter(node, settings.socketio_emitter_key)
    return [Part("emitter", loops=[lambda: heard.run(emitter.take)], metrics=emitter.metrics)]


def is_heard(settings: Settings) -> bool:
    """Return whether emitters are to be heard. Raise SetupError if that is half said."""
    url, key = settings.socketio_emitter, settings.socketio_emitter_key
    if bool(url) != bool(key):
        raise SetupError(
            "Of socketio_emitter and socketio_emitter_key only one is set.",
            "Set both; madang key create LABEL --scope publish makes a key.",
        )
    return bool(url)
