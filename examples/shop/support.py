"""What the shop asks of Madang, over REST, with a server key; and the tokens by which its users are let in.

A shop's user 42 is `issuer-jwt:42` in Madang, whether they have ever connected or not.
"""

import time

import httpx2
import jwt

TOKEN_S = 600  # a token lasts so long; clients get a newer one before it ends


class Support:
    """The shop's side of its support rooms."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._madang = httpx2.AsyncClient(base_url=f"{url}/api", headers={"Authorization": f"Bearer {key}"})
        self._secret = secret

    def token(self, number: str, name: str) -> str:
        """Return a token for one of the shop's users."""
        claims = {"sub": number, "name": name, "exp": int(time.time()) + TOKEN_S}
        return jwt.encode(claims, self._secret, "HS256")

    async def open_room(self, order: int, customer: tuple[str, str], staff: dict[str, str]) -> None:
        """Open the room of an order for its customer, and the staff as moderators (numbers and names), and nobody else."""
        room = {"id": room_of(order), "title": f"Order {order}", "access": "invite"}
        response = await self._madang.post("/rooms", json=room)
        if response.status_code != 409:  # it exists already
            response.raise_for_status()
        for (number, name), role in [(customer, "member"), *((one, "moderator") for one in staff.items())]:
            await self._put(f"/rooms/{room_of(order)}/members/{user_of(number)}", {"name": name, "role": role})

    async def tell(self, order: int, text: str, cid: str) -> None:
        """Say something in an order's room. However often it is said with the same `cid`, it is there once."""
        message = {"room": room_of(order), "text": text, "cid": cid}
        response = await self._madang.post("/publish", json={"messages": [message]})
        response.raise_for_status()
        (result,) = response.json()["results"]
        if "error" in result:
            raise RuntimeError(result["error"]["message"])

    async def mute(self, order: int, number: str, minutes: int, reason: str) -> None:
        """Let somebody only read for a while."""
        await self._put(
            f"/rooms/{room_of(order)}/mutes/{user_of(number)}", {"reason": reason, "for_ms": minutes * 60_000}
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._madang.aclose()

    async def _put(self, path: str, body: dict[str, object]) -> None:
        (await self._madang.put(path, json=body)).raise_for_status()


def room_of(order: int) -> str:
    """Return the id of an order's room."""
    return f"order-{order}"


def user_of(number: str) -> str:
    """Return a shop's user's id in Madang."""
    return f"issuer-jwt:{number}"
