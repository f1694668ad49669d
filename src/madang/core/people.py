"""People: the users of a product, whom its server keys make known. Where they are kept: `ports.people`."""

import msgspec


class Person(msgspec.Struct, frozen=True):
    """A user of a product: the id that it gives them, and what others see."""

    id: str
    name: str
