"""Signing keys: `ports.signing` over one connection. They are rows among the secrets.

A row is called "signing" and the id of its key; that of versions before, which knew one key, is "signing" alone. Such a version
would make it again if it was started here, which is why there is none in a database that this one has made.
"""

import secrets as chance
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from madang.adapters.sql import dialects, installation, leases
from madang.adapters.sql.dialects import LEASING, insert_new, serialise
from madang.adapters.sql.tables import secrets
from madang.core.signing import FIRST, SigningKey, SigningKeys, name_of
from madang.errors import Refused
from madang.ports.signing import MAX_KEYS

ROTATING: Final = "0008"
"""The schema that versions have at least which know several keys."""
_ROW: Final = "signing"
_LASTING: Final = f"{_ROW} name"
"""The row that stays: the installation's name, in _NAME_BYTES, and a secret."""
_NAME_BYTES: Final = 12


def stored(c: Connection) -> SigningKeys | None:
    """Return the keys; None where they are not complete."""
    rows = dict(c.execute(_STORED).all())
    lasting = rows.pop(_LASTING, None)
    keys = [_key(row, bytes(value)) for row, value in rows.items()]
    if lasting is None or not keys:
        return None
    name, secret = bytes(lasting[:_NAME_BYTES]).decode(), bytes(lasting[_NAME_BYTES:])
    return SigningKeys(name, secret, tuple(sorted(keys, key=lambda key: (key.from_ms, key.id))))


def make(c: Connection) -> SigningKeys:
    """See `SigningStore.signing_keys`. The first caller makes what is missing; everyone reads what is stored."""
    oldest = select(secrets.c.value).where(_ours(), secrets.c.name != _LASTING).order_by(secrets.c.name).limit(1)
    if c.execute(oldest).scalar() is None:
        insert_new(c, secrets, {"name": f"{_ROW} 0", "value": chance.token_bytes(32)})
    name = name_of(bytes(c.execute(oldest).scalar_one())).encode()
    insert_new(c, secrets, {"name": _LASTING, "value": name + chance.token_bytes(32)})
    made = stored(c)
    assert made is not None
    return made


def add(c: Connection, lead_ms: int) -> SigningKey:
    """See `SigningStore.add_signing_key`."""
    serialise(c, LEASING)  # no old node comes meanwhile, and nobody adds another
    if old := [lease.holder for lease in leases.held(c) if lease.schema < ROTATING]:
        raise Refused(
            "conflict",
            f"Nodes of an older version, which know one key only, are on this database: {', '.join(old)}. "
            "Replace them first; a node that died is forgotten after 30 s.",
        )
    known = make(c).keys
    if len(known) >= MAX_KEYS:
        raise Refused("too_many", f"There are {MAX_KEYS} signing keys; retire the old ones first.")
    from_ms = max(dialects.clock_ms(c) + lead_ms, known[-1].from_ms + 1)
    key = SigningKey(f"{from_ms}", chance.token_bytes(32), from_ms)
    c.execute(insert(secrets).values(name=f"{_ROW} {key.id}", value=key.secret))
    if installation.get(c, installation.OLDEST) < ROTATING:  # older ones would refuse the tokens that it signs
        installation.put(c, installation.OLDEST, ROTATING)
    return key


def retire(c: Connection) -> int:
    """See `SigningStore.retire_signing_keys`."""
    serialise(c, LEASING)
    *old, newest = make(c).keys
    if not old:
        raise Refused("not_found", "There is one signing key only; make another first.")
    if (wait_ms := newest.from_ms - dialects.clock_ms(c)) > 0:
        raise Refused("conflict", f"The newest key signs in {-(-wait_ms // 1000)} s; retire the others after that.")
    c.execute(delete(secrets).where(secrets.c.name.in_([f"{_ROW} {key.id}".rstrip() for key in old])))
    return len(old)


def _ours() -> ColumnElement[bool]:
    return (secrets.c.name >= _ROW) & (secrets.c.name < f"{_ROW}!")  # whatever a space begins, by the key


_STORED: Final = select(secrets.c.name, secrets.c.value).where(_ours())


def _key(row: str, secret: bytes) -> SigningKey:
    id = row.removeprefix(_ROW).strip()
    return SigningKey(id, secret, int(id) if id != FIRST else 0)
