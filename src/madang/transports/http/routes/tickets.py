"""REST for connection tickets."""

from fastapi import APIRouter, Response

from madang.transports.http import answers as a
from madang.transports.http.dependencies import Address, Caller, ThisNode, Token
from madang.transports.http.errors import answer
from madang.transports.http.schemas import documented

router = APIRouter(prefix="/api", tags=["users"])


@router.post("/tickets", **documented(a.NewTicket, status=201))
async def make_ticket(node: ThisNode, caller: Caller, token: Token, address: Address) -> Response:
    """Make a ticket: one connection may say hello with it in place of the token, once, on any node, within half a minute."""
    ticket = await node.identity.ticket(caller, token, node.now(), address)
    return answer(a.NewTicket(ticket.text, ticket.expires_ms), 201)
