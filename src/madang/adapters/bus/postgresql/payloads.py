"""Envelopes in notifications, whose payload is text of less than 8,000 bytes: split, and encoded as Base64."""

import base64
from collections.abc import Sequence
from typing import Final

from madang.adapters.bus.envelopes import BadSignature, Signer
from madang.adapters.bus.packing import ENVELOPE, packed
from madang.core.events import Event
from madang.ports.bus import Signal

MAX_PAYLOAD: Final = 7_999
MAX_ENVELOPE: Final = MAX_PAYLOAD // 4 * 3


def pack(signer: Signer, channel: str, events: Sequence[Event], signals: Sequence[Signal]) -> list[str]:
    """Return payloads that hold events and signals, in this order.

    Args:
        signals: none has a value longer than `MAX_SIGNAL`.
    """
    most = MAX_ENVELOPE - ENVELOPE - len(signer.node.encode())
    return [base64.b64encode(signer.pack(envelope, channel)).decode() for envelope in packed(events, signals, most)]


def unpack(payload: str) -> bytes:
    """Return the envelope in a payload.

    Raises:
        BadSignature: there is none.
    """
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError as error:
        raise BadSignature from error
