"""The backend of a support chat: lets customers and agents in, and opens a room for each customer. README.md says how to run it.

Its sign-in is as simple as can be: who asks for the inbox and says a name is an agent. Yours is better.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx2
from fastapi import Cookie, FastAPI, HTTPException, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel

HERE = Path(__file__).parent
MADANG = os.environ["MADANG_URL"]
FILES = {"customer.js", "inbox.js", "support.css"}
POLICY = (
    f"default-src 'none'; script-src 'self' {MADANG}; connect-src 'self' {MADANG} {MADANG.replace('http', 'ws', 1)}; "
    "style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass
class Person:
    """Somebody with a session: an agent, or a customer, who has a room."""

    id: str
    name: str
    room: str | None = None


people: dict[str, Person] = {}  # by the secret of their session
madang = httpx2.AsyncClient(base_url=f"{MADANG}/api", headers={"Authorization": f"Bearer {os.environ['MADANG_KEY']}"})


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await madang.aclose()


app = FastAPI(title="A support desk", lifespan=lifespan)


class Name(BaseModel):
    name: str


async def ask(method: str, path: str, body: dict[str, object]) -> dict[str, object]:
    """Return what Madang answers."""
    response = await madang.request(method, path, json=body)
    response.raise_for_status()
    answer: dict[str, object] = response.json()
    return answer


def begin(response: Response, person: Person) -> None:
    """Open a session for somebody whom Madang knows."""
    session = secrets.token_urlsafe()
    people[session] = person
    response.set_cookie("session", session, httponly=True, samesite="strict")


@app.post("/customer")
async def customer(body: Name, response: Response) -> dict[str, str]:
    """Open a conversation."""
    id = secrets.token_hex(8)
    person = Person(f"customer-{id}", body.name, room=f"support-{id}")
    await ask("PUT", f"/users/{person.id}", {"name": person.name})
    await ask("POST", "/rooms", {"id": person.room, "title": body.name, "access": "invite"})
    await ask("PUT", f"/rooms/{person.room}/members/{person.id}", {})
    # The room is there before anybody finds it here, and others may sign in while Madang is asked: they see it by themselves.
    begin(response, person)
    for agent in list(people.values()):
        if agent.room is None:
            await ask("PUT", f"/rooms/{person.room}/members/{agent.id}", {"role": "moderator"})
    return {"room": f"{person.room}"}


@app.post("/agent")
async def agent(body: Name, response: Response) -> None:
    """Sign an agent in: they see every conversation."""
    person = Person(f"agent-{secrets.token_hex(8)}", body.name)
    await ask("PUT", f"/users/{person.id}", {"name": person.name})
    begin(response, person)
    for other in list(people.values()):
        if other.room is not None:
            await ask("PUT", f"/rooms/{other.room}/members/{person.id}", {"role": "moderator"})


@app.get("/token")
async def token(session: Annotated[str, Cookie()] = "") -> dict[str, str | None]:
    """What a page asks for whenever it needs a token; and which room is theirs."""
    if session not in people:
        raise HTTPException(401)
    person = people[session]
    made = await ask("POST", f"/users/{person.id}/tokens", {})
    return {"token": str(made["token"]), "room": person.room, "madang": MADANG}


def page(name: str) -> FileResponse:
    return FileResponse(HERE / name, headers={"Content-Security-Policy": POLICY})


@app.get("/")
async def customers_page() -> FileResponse:
    return page("customer.html")


@app.get("/inbox")
async def agents_page() -> FileResponse:
    return page("inbox.html")


@app.get("/{name}")
async def file(name: str) -> FileResponse:
    if name not in FILES:
        raise HTTPException(404)
    return page(name)
