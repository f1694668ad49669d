"""Socket.IO: the situations of the public suite of the protocol, version 5, told by Madang's operations; and what is refused."""

import json

import pytest

from madang.core.rate import Rate
from madang.node.run import RunningNode
from tests.socketio import poller, query, visitor

PLACE = '{"_placeholder":true,"num":0}'


# -- connect -----------------------------------------------------------------------------------------------------------


async def test_connecting_to_the_main_namespace(url: str) -> None:
    for packet in ('40{"guest":"Mina"}', '40/,{"guest":"Mina"}'):
        async with visitor(url) as socket:
            await socket.send(packet)
            said = await socket.packet()
            assert said.startswith("40{")
            assert json.loads(said[2:]).keys() == {"sid", "pid"}
            name, hello, offset = await socket.named("hello")
            assert (name, hello["user"]["name"], offset) == ("hello", "Mina", "-")
            assert hello["token"]
            assert hello["server"]["max_frame"] == socket.handshake["maxPayload"]


async def test_a_token_lets_the_same_user_in(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        _, hello, _ = await socket.named("hello")
    async with visitor(url, token=hello["token"]) as again:
        assert (await again.named("hello"))[1]["user"] == hello["user"]
        assert again.sid != socket.sid


@pytest.mark.parametrize(
    "namespace", ["/custom", "/custom,", '/custom,{"guest":"Mina"}', "/a/b,", '/a?b=c,{"d":1}', "/?a"]
)
async def test_another_namespace_harms_nothing(url: str, namespace: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.named("hello")
        await socket.send("40" + namespace)
        name = namespace.partition(",")[0]
        assert await socket.packet() == f'44{name},{{"message":"Invalid namespace"}}'
        await socket.send(f"41{name}")
        assert "at" in await socket.ask("ping"), "the main namespace goes on"


@pytest.mark.parametrize(
    ("auth", "code"),
    [
        ("", "bad_field"), ("{}", "bad_field"), ('{"token":"no"}', "bad_token"), ('{"guest":""}', "bad_name"), ('{"guest":"admin"}', "bad_name"),
        ('{"guest":7}', "bad_field"), ('{"guest":"a","token":"b"}', "bad_field"), ('{"token":"a","token":"b"}', "bad_token"),
        ('{"guest":"\\ud800"}', "bad_json"), ('{"ticket":"tkt_no"}', "bad_token"),
    ],
)  # fmt: skip
async def test_who_is_not_let_in(url: str, auth: str, code: str) -> None:
    async with visitor(url) as socket:
        await socket.send("40" + auth)
        said = await socket.packet()
        assert said.startswith("44{")
        error = json.loads(said[2:])
        assert (error.keys(), error["data"]["code"]) == ({"message", "data"}, code)
        if code == "bad_token":
            assert await socket.ended() == []
        else:
            assert "sid" in await socket.connect(guest="Mina"), "it may try again"


async def test_who_does_not_connect_in_time_is_cut_off(url: str) -> None:
    async with visitor(url) as socket:
        for _ in range(20):
            try:
                while await socket.socket.recv() == "2":
                    await socket.send("3")
            except Exception:
                break
        assert socket.socket.close_code == 4408


# -- disconnect --------------------------------------------------------------------------------------------------------


async def test_leaving_the_main_namespace(node: RunningNode, url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.named("hello")
        await socket.ask("join", {"room": "lobby"})
        await socket.send("41")
        assert "sid" in await socket.connect(guest="Bora"), "the connection stays"
        assert (await socket.ask("send", {"room": "lobby", "text": "x"}))["error"]["code"] == "not_member"


async def test_leaving_and_coming_again_does_not_renew_a_rate(
    node: RunningNode, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it make refusals forgotten."""
    monkeypatch.setattr(node.node.limits, "_connection", Rate(0.001, 20))
    async with visitor(url, guest="Mina") as socket:
        hello = (await socket.named("hello"))[1]
        taken = 0
        for _ in range(20):
            answers = [await socket.ask("ping") for _ in range(5)]
            taken += sum("at" in answer for answer in answers)
            await socket.send("41")
            if "sid" not in await socket.connect(token=hello["token"]):
                break
        assert taken < 20


# -- messages ----------------------------------------------------------------------------------------------------------


async def test_an_event_with_an_ack(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        answer = await socket.ask("join", {"room": "lobby"})
        assert answer.keys() == {"room", "role", "seq", "epoch", "read_seq", "reset", "events"}
        for number in ("0", "7", "999999999999999"):
            await socket.send(f'42{number}["send",{{"room":"lobby","text":"hi"}}]')
            while not (packet := await socket.packet()).startswith("43"):
                pass
            assert packet.startswith(f"43{number}[")
            assert json.loads(packet[2 + len(number) :])[0].keys() == {"id", "seq", "ack"}


async def test_an_event_without_an_ack(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.ask("join", {"room": "lobby"})
        await socket.emit("send", {"room": "lobby", "text": "hi"})
        _, event, _ = await socket.named("message.sent")
        assert event["text"] == "hi"
        assert "op" not in event
        for name, arguments, code in (
            ("send", [{"room": "lobby", "text": ""}], "empty"), ("nothing", [{}], "unknown_op"), ("send", ["text"], "bad_field"),
            ("hello", [{"guest": "Bora"}], "unknown_op"), ("send", [{}, {}], "bad_field"), ("send", [], "bad_field"),
        ):  # fmt: skip
            await socket.emit(name, *arguments)
            _, error, _ = await socket.named("error")
            assert (error["code"], error["event"]) == (code, name)


async def test_a_cid_makes_sending_again_safe(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.ask("join", {"room": "lobby"})
        first, again = [await socket.ask("send", {"room": "lobby", "text": "hi", "cid": "c-1"}) for _ in range(2)]
        assert again == {**first, "duplicate": True}
        one, other = [await socket.ask("send", {"room": "lobby", "text": "hi", "data": {"cid": 1}}) for _ in range(2)]
        assert one["seq"] != other["seq"]


@pytest.mark.parametrize(
    "name",
    ["__proto__", "constructor", "toString", "connect", "disconnect", "newListener", "ok", "op", "Send", "send "],
)
async def test_names_that_are_no_operations(url: str, name: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        assert (await socket.ask(name, {}))["error"]["code"] == "unknown_op"


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("7", "bad_field"), ("null", "bad_field"), ("[]", "bad_field"), ('"x"', "bad_field"), ('{"op":"leave","room":"lobby"}', "bad_field"),
        ('{"n":1,"room":"lobby"}', "bad_field"), ('{"room":"lobby","room":"lobby"}', "bad_json"), ('{"o\\u0070":"leave","room":"lobby"}', "bad_field"),
        ('{"room":7}', "bad_field"), ("{}", "bad_field"), ('{"room":"lobby","text":"\\ud800"}', "bad_text"), ("{},{}", "bad_field"),
        ('{"room":"lobby","data":' + "[" * 20 + "]" * 20 + "}", "bad_json"),
    ],
)  # fmt: skip
async def test_arguments_that_are_no_fields(url: str, argument: str, code: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.named("hello")
        await socket.send(f'427["send",{argument}]')
        assert json.loads((await socket.packet())[3:])[0]["error"]["code"] == code
        assert "at" in await socket.ask("ping")


async def test_acks_that_nobody_waits_for(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        for packet in ("43[]", '437["x"]', f"461-7[{PLACE}]"):
            await socket.send(packet)
        await socket.send(b"\1")
        assert "at" in await socket.ask("ping")


@pytest.mark.parametrize(
    "packets",
    [
        ["4abc"], ["4"], ["47"], ["42{}"], ["42"], ["42[]"], ["42[7]"], ["42[{}]"], ['42abc["ping"]'], ['42-1["ping"]'], ['421.5["ping"]'],
        ['42' + "9" * 16 + '["ping"]'], ['421e3["ping"]'], ['4212-["ping"]'], ['45["ping"]'], ['45-["ping"]'], ['4511-["ping"]'], ['45x-["ping"]'],
        ['451000-["x"]'], ['451-["ping",{"_placeholder":true,"num":1}]'], ['451-["ping",{"_placeholder":true,"num":-1}]'],
        ['451-["ping",{"_placeholder":true,"num":"0"}]'], ['451-["ping",{"_placeholder":true}]'], ['450-["ping",' + PLACE + "]"],
        [f'451-["ping",{PLACE}]', '42["ping"]'], [b"\1"], ["451-7{}"], ["44{}"], ["43{}"], ["43"], ['2{"toString":1}'], ['42["ping",NaN]'],
        ['42["ping"'], ["40[]"], ['40{"guest":"Bora"}'], ["41{}"], ['42/other,["ping"]'], ["42" + "[" * 5000 + "]" * 5000],
        ['42/,x["ping"]'], ['45' + "9" * 12 + '-["ping"]'], ['\u0664' + '2["ping"]'], ['4\u06622["ping"]'], ['42\u0661["ping"]'],
    ],
)  # fmt: skip
async def test_packets_that_end_the_connection(url: str, packets: list[str | bytes]) -> None:
    async with visitor(url, guest="Mina") as socket, visitor(url, guest="Bora") as neighbour:
        await socket.named("hello")
        for packet in packets:
            await socket.send(packet)
        assert await socket.ended() == []
        assert "at" in await neighbour.ask("ping")


async def test_a_packet_before_connecting_ends_the_connection(url: str) -> None:
    for packet in ('42["ping"]', "41"):
        async with visitor(url) as socket:
            await socket.send(packet)
            if packet == "41":
                assert "sid" in await socket.connect(guest="Mina"), "there was nothing to leave"
            else:
                assert await socket.ended() == []


@pytest.mark.parametrize("attachments", [1, 10])
async def test_a_binary_event_is_read_whole(url: str, attachments: int) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.named("hello")
        places = ",".join(json.dumps({"_placeholder": True, "num": n}) for n in range(attachments))
        await socket.send(f'45{attachments}-3["send",{{"data":[{places}]}}]')
        for _ in range(attachments):
            await socket.send(b"\1\2\3")
        assert json.loads((await socket.packet())[3:])[0]["error"]["code"] == "bad_field"


async def test_attachments_are_bounded_together(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.named("hello")
        await socket.send(f'452-3["send",{PLACE}]')
        await socket.send(bytes(40_000))
        await socket.send(bytes(40_000))
        assert await socket.ended() == []


async def test_what_is_larger_than_the_largest_payload(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.send('42["ping","' + "x" * socket.handshake["maxPayload"] + '"]')
        await socket.ended()
        assert socket.socket.close_code == 1009
    async with poller(url, guest="Mina") as client:
        assert (await client.post("4" * 70_000)).status_code == 413


async def test_a_million_packets_in_one_payload_are_refused(url: str) -> None:
    async with poller(url, guest="Mina") as client:
        assert (await client.post(*["2"] * 30_000)).status_code == 400
        assert (await client.poll()).status_code == 400


async def test_packets_that_ask_for_nothing_are_a_flood(url: str) -> None:
    for packet in ("3", "6", "43[]", "40/other"):
        async with visitor(url, guest="Mina") as socket:
            await socket.named("hello")
            for _ in range(60):
                await socket.send(packet)
            await socket.ended()
            assert socket.socket.close_code == 4429


# -- who may ask -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "https://app.example.com.evil.io", "https://app.example.com:1"]
)
async def test_pages_of_other_origins_are_refused(url: str, origin: str) -> None:
    async with poller(url, guest="Mina") as client:
        client.http.headers["Origin"] = origin
        assert (await client.poll()).status_code == 403
        assert (await client.post("3")).status_code == 403
        assert (await client.http.get("/socket.io/?EIO=4&transport=polling")).status_code == 403


async def test_pages_of_listed_origins_may_read_the_answers(url: str) -> None:
    async with poller(url, guest="Mina") as client:
        client.http.headers["Origin"] = "https://app.example.com"
        response = await client.post("3")
        assert response.text == "ok"
        assert response.headers["access-control-allow-origin"] == "https://app.example.com"


async def test_a_session_is_one_only_from_its_own_address(node: RunningNode, url: str) -> None:
    async with poller(url, guest="Mina") as client:
        node.node.socketio.clients[client.id].address = "192.0.2.1"
        assert (await client.poll()).status_code == 400
        assert (await client.post("3")).status_code == 400
        node.node.socketio.clients[client.id].address = "127.0.0.1"
        assert (await client.post("3")).text == "ok"


async def test_a_body_of_other_bytes_is_told_so_in_our_words(url: str) -> None:
    async with poller(url) as client:
        response = await client.http.post(query("polling", client.id), content=b"\xff")
        assert response.json()["error"]["message"] == "The body is not of this protocol: not UTF-8."
