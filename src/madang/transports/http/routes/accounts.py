"""REST for accounts: sign up, sign in, change the password, see and end what one is signed in to."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from madang.core.fields import exactly_one
from madang.core.timestamps import moment
from madang.errors import Refused
from madang.services.tokens import Access
from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import HOW, Address, AnyCaller, Caller, Credential, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api", tags=["accounts"])

SessionPath = Annotated[str, Path(pattern="^[0-9a-f]{1,32}$", description="The session's id.")]


@router.post("/accounts", **documented(a.SignedIn, status=201, accepted=b.NewAccount, anonymous=True))
async def sign_up(
    node: ThisNode, address: Address, caller: AnyCaller, new: Annotated[b.NewAccount, body(b.NewAccount)]
) -> Response:
    """Make an account, where the server lets people do that, and sign in. With a server key, for somebody else."""
    access = await node.accounts.sign_up(new.login, new.name, new.password, address, node.now(), caller)
    return answer(_signed_in(access), 201)


@router.post("/sessions", **documented(a.SignedIn, status=201, accepted=b.SignIn))
async def sign_in(node: ThisNode, address: Address, sign: Annotated[b.SignIn, body(b.SignIn)]) -> Response:
    """Sign in by login and password."""
    return answer(_signed_in(await node.accounts.sign_in(sign.login, sign.password, address, node.now())), 201)


@router.get("/sessions", **documented(a.Sessions))
async def sessions(node: ThisNode, caller: Caller) -> Response:
    """List what the caller is signed in to, oldest first."""
    found = await node.accounts.sessions(caller)
    return answer(
        a.Sessions(
            [a.OneSession(f.id, moment(f.made_ms), moment(f.seen_ms), f.id == caller.session) for f in found]
        )
    )  # fmt: skip


@router.delete("/sessions/{session}", **documented(a.Ended))
async def end_session(node: ThisNode, caller: Caller, session: SessionPath) -> Response:
    """Sign the caller out of one session, this one or another: its token is worth nothing from now on."""
    await node.accounts.end_session(caller, session)
    return answer(a.Ended())


@router.put("/me/password", **documented(a.SignedIn, accepted=b.NewPassword, anonymous=True))
async def change_password(
    node: ThisNode, address: Address, credential: Credential, caller: AnyCaller,
    new: Annotated[b.NewPassword, body(b.NewPassword)],
) -> Response:  # fmt: skip
    """Change the caller's password, which ends their other sessions; or set one by the operator's code, and sign in.

    For the first it takes the current password and a token, for the second a login and the code.
    """
    exactly_one(current=new.current, code=new.code)
    exactly_one(current=new.current, login=new.login)
    if new.code is not None and new.login is not None:
        return answer(_signed_in(await node.accounts.use_code(new.login, new.code, new.password, address, node.now())))
    if caller is None:
        raise Refused("bad_token", HOW)
    await node.accounts.change_password(caller, new.current or "", new.password)
    return answer(_signed_in(await node.identity.access(credential, node.now(), address)))


def _signed_in(access: Access) -> a.SignedIn:
    return a.SignedIn(a.Identified(access.user.id, access.user.name), access.token, access.user.session)
