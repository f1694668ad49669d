"""Signing in at the admin listener, for the operator's page: only accounts that administer the server."""

from typing import Annotated

from fastapi import APIRouter, Response

from madang.core.accounts import Code, Login, Password
from madang.errors import Refused
from madang.services.tokens import Access
from madang.transports.http.answers import Identified, SignedIn
from madang.transports.http.bodies import Body, SignIn
from madang.transports.http.dependencies import Address, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.schemas import body
from madang.transports.node import Node

router = APIRouter(prefix="/sessions")


class CodeUse(Body):
    """A login, the code that sets its password, and that."""

    login: Login
    code: Code
    password: Password


@router.post("")
async def sign_in(node: ThisNode, address: Address, sign: Annotated[SignIn, body(SignIn)]) -> Response:
    """Sign in by login and password."""
    return answer(await _let_in(node, await node.accounts.sign_in(sign.login, sign.password, address, node.now())), 201)


@router.post("/code")
async def use_code(node: ThisNode, address: Address, use: Annotated[CodeUse, body(CodeUse)]) -> Response:
    """Set a password by a code, and sign in."""
    access = await node.accounts.use_code(use.login, use.code, use.password, address, node.now())
    return answer(await _let_in(node, access), 201)


async def _let_in(node: Node, access: Access) -> SignedIn:
    if not await node.accounts.administers(access.user):
        await node.accounts.end_session(access.user, access.user.session)
        raise Refused("forbidden", "This account does not administer the server.")
    return SignedIn(Identified(access.user.id, access.user.name), access.token, access.user.session)
