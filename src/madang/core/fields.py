"""Fields that mean something only with, or without, one another. All doors ask here, so that none guesses."""

from madang.errors import Refused


def together(**fields: object) -> None:
    """Refuse some of the fields without the others (bad_field)."""
    if len({value is None for value in fields.values()}) > 1:
        raise Refused("bad_field", f"{', '.join(fields)}: all of them or none.")


def not_together(**fields: object) -> None:
    """Refuse more than one of the fields (bad_field)."""
    if sum(value is not None for value in fields.values()) > 1:
        raise Refused("bad_field", f"{', '.join(fields)}: only one of them.")


def exactly_one(**fields: object) -> None:
    """Refuse none, and more than one, of the fields (bad_field)."""
    if sum(value is not None for value in fields.values()) != 1:
        raise Refused("bad_field", f"{', '.join(fields)}: exactly one of them.")
