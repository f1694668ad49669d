"""What a paper says without Yjs: of an open one now, of a finished one for good, whatever was written in it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pycrdt import Array, Map, Text, XmlElement, XmlFragment, XmlText

from madang.protocol import yjs
from tests.rest import Rest, rest
from tests.running import Server, running_server
from tests.yjs import writer


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("content"), "--load-test") as server:
        yield server


async def _shown(of: Rest, paper: str, shape: str) -> str:
    headers = {"Authorization": f"Bearer {of.token}"}
    response = await of.http.get(f"/api/papers/{paper}/content?as={shape}", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    return response.text


async def test_what_a_paper_says(server: Server) -> None:
    async with AsyncExitStack() as stack:
        mina = await (await stack.enter_async_context(rest(server.url))).guest("Mina")
        await mina.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard", "access": "open"})
        await mina.ok("POST", "/api/rooms/yard/papers", {"id": "card", "title": "Card"})
        assert await mina.ok("GET", "/api/papers/card/content") == {}
        typing = await writer(stack.enter_async_context, server.url, "card", mina.token)
        before = typing.doc.get_state()
        typing.text += "생일 <b>축하</b> 😀\nMina"
        typing.doc["notes"] = Array([Map({"by": "Bora", "text": Text("<img src=x onerror=alert(1)>")}), 1, True, None])
        typing.doc["page"] = XmlFragment([XmlElement("script", {"onclick": "evil()"}, [XmlText("alert(1)")])])

        await typing.socket.send(yjs.update(typing.doc.get_update(before)))
        said = {
            "notes": [{"by": "Bora", "text": "<img src=x onerror=alert(1)>"}, 1, True, None],
            "page": [{"tag": "script", "attributes": {"onclick": "evil()"}, "children": ["alert(1)"]}],
            "text": "생일 <b>축하</b> 😀\nMina",
        }
        bora = await writer(stack.enter_async_context, server.url, "card", mina.token)
        await bora.until(lambda: "Mina" in str(bora.text))
        assert await mina.ok("GET", "/api/papers/card/content") == said
        assert (await mina.ok("POST", "/api/papers/card/finish"))["finished"]
        await server.kill()
        await server.restart()
        assert await mina.ok("GET", "/api/papers/card/content?as=json") == said
        text = await _shown(mina, "card", "text")
        assert "생일 <b>축하</b> 😀\nMina" in text
        assert "by: Bora" in text
        html = await _shown(mina, "card", "html")
        assert "<p>생일 &lt;b&gt;축하&lt;/b&gt; 😀</p><p>Mina</p>" in html
        assert "<script" not in html and "<img" not in html and "onclick" not in html
        assert await mina.refused("GET", "/api/papers/card/content?as=pdf") == "bad_field"
        zoe = await mina.guest("Zoe")
        assert await zoe.refused("GET", "/api/papers/card/content") == "not_found"
        assert not (await mina.ok("POST", "/api/papers/card/reopen"))["finished"]


async def test_what_cannot_be_rendered_is_finished_all_the_same(server: Server) -> None:
    async with AsyncExitStack() as stack:
        mina = await (await stack.enter_async_context(rest(server.url))).guest("Mina")
        await mina.ok("POST", "/api/rooms", {"id": "deep", "title": "Deep", "access": "open"})
        await mina.ok("POST", "/api/rooms/deep/papers", {"id": "well", "title": "Well"})
        typing = await writer(stack.enter_async_context, server.url, "well", mina.token)
        before = typing.doc.get_state()
        inner: Array[Any] = Array()
        typing.doc["well"] = inner
        for _ in range(70):
            inner.append(Array())
            inner = inner[0]

        await typing.socket.send(yjs.update(typing.doc.get_update(before)))
        await typing.say("stored")
        bora = await writer(stack.enter_async_context, server.url, "well", mina.token)
        await bora.until(lambda: str(bora.text) == "stored")
        assert (await mina.ok("POST", "/api/papers/well/finish"))["finished"]
        assert await mina.refused("GET", "/api/papers/well/content") == "too_big"
        bora = await writer(stack.enter_async_context, server.url, "well", mina.token)
        assert str(bora.text) == "stored"
