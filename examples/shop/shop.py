"""A web shop whose customers talk with its support, in a room for each order. README.md says how to run it.

What concerns Madang is in `support.py`; this is an ordinary shop. Its sign-in is as simple as can be: whoever says a number
is that person. Yours is better.
"""

import itertools
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel
from support import Support, room_of

PEOPLE = {"1": "Mina", "2": "Bora", "100": "Jun (support)"}
STAFF = {"100"}

support = Support(os.environ["MADANG_URL"], os.environ["MADANG_KEY"], os.environ["MADANG_JWT_SECRET"])
sessions: dict[str, str] = {}  # cookie -> number
orders: dict[int, str] = {}  # order -> its customer's number
numbers = itertools.count(1)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await support.close()


app = FastAPI(title="A shop", lifespan=lifespan)


class SignIn(BaseModel):
    number: str


class Order(BaseModel):
    item: str


class Mute(BaseModel):
    minutes: int
    reason: str


def signed_in(session: Annotated[str, Cookie()] = "") -> str:
    if session not in sessions:
        raise HTTPException(401)
    return sessions[session]


def staff(number: Annotated[str, Depends(signed_in)]) -> str:
    if number not in STAFF:
        raise HTTPException(403)
    return number


Somebody = Annotated[str, Depends(signed_in)]
Staff = Annotated[str, Depends(staff)]


@app.post("/sign-in")
async def sign_in(body: SignIn, response: Response) -> None:
    if body.number not in PEOPLE:
        raise HTTPException(401)
    session = secrets.token_urlsafe()
    sessions[session] = body.number
    response.set_cookie("session", session, httponly=True, samesite="strict")


@app.get("/chat-token")
async def chat_token(number: Somebody) -> dict[str, str]:
    """What the chat in the customer's page, or their program, asks for whenever it needs a token."""
    return {"token": support.token(number, PEOPLE[number])}


@app.post("/orders", status_code=201)
async def place(body: Order, number: Somebody) -> dict[str, object]:
    order = next(numbers)
    orders[order] = number
    await support.open_room(order, (number, PEOPLE[number]), {each: PEOPLE[each] for each in STAFF})
    await support.tell(order, f"{PEOPLE[number]} ordered: {body.item}", cid=f"placed-{order}")
    return {"order": order, "room": room_of(order)}


@app.post("/orders/{order}/shipped", status_code=204)
async def ship(order: int, number: Staff) -> None:
    if order not in orders:
        raise HTTPException(404)
    await support.tell(order, "Your order is on its way.", cid=f"shipped-{order}")


@app.post("/orders/{order}/mute", status_code=204)
async def mute(order: int, body: Mute, number: Staff) -> None:
    if order not in orders:
        raise HTTPException(404)
    await support.mute(order, orders[order], body.minutes, body.reason)
