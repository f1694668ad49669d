"""The proxy: whole and in order under normal conditions, and each condition does what it says and no more."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import SO_LINGER, SOL_SOCKET
from struct import pack

import pytest

from madang_proof.testbed.links import QUEUED
from madang_proof.testbed.proxy import Conditions, Proxy
from tests.waiting import PATIENCE_S, eventually, turns


class Peer(asyncio.Protocol):
    """A server's side of a connection: notes what comes, and how it ends."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.chunks: list[int] = []
        self.ended = False
        self.error: Exception | None = None
        self.lost = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.got += data
        self.chunks.append(len(data))

    def eof_received(self) -> bool:
        self.ended = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self.lost = True


class Place:
    """Servers that note, and the proxy before them. Each of `peers` is at the port that its server listens on."""

    def __init__(self, proxy: Proxy, peers: list[Peer]) -> None:
        self.proxy = proxy
        self.peers = peers

    async def pair(self, address: str = "127.0.0.1") -> tuple[Peer, Peer]:
        """Connect; gives the client's side and the server's."""
        before = len(self.peers)
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(Peer, "127.0.0.1", self.proxy.port, local_addr=(address, 0))
        await eventually(lambda: len(self.peers) > before)
        return client, self.peers[before]


@asynccontextmanager
async def place(servers: int = 1) -> AsyncIterator[Place]:
    peers: list[Peer] = []

    def came() -> Peer:
        peers.append(Peer())
        return peers[-1]

    listening = [await asyncio.get_running_loop().create_server(came, "127.0.0.1", 0) for _ in range(servers)]
    proxy = Proxy(*(server.sockets[0].getsockname()[:2] for server in listening))
    await proxy.start()
    try:
        yield Place(proxy, peers)
    finally:
        await proxy.stop()
        for peer in peers:
            peer.transport.abort()
        for server in listening:
            server.close()
        await turns()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(),
        Conditions(sliced=True),
        Conditions(latency_s=0.002, jitter_s=0.01),
        Conditions(bytes_per_s=200_000),
        Conditions(sliced=True, latency_s=0.001, jitter_s=0.003),
    ],
)
async def test_what_is_sent_arrives_whole_and_in_order(conditions: Conditions) -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.change(up=conditions, down=conditions)
        up, down = noise(20_000, 1), noise(20_000, 2)
        for start in range(0, len(up), 700):
            client.transport.write(up[start : start + 700])
            server.transport.write(down[start : start + 700])
            await asyncio.sleep(0)
        await eventually(lambda: len(server.got) == len(up) and len(client.got) == len(down))
        assert (bytes(server.got), bytes(client.got)) == (up, down)


async def test_megabytes_pass_under_back_pressure() -> None:
    async with place() as there:
        client, server = await there.pair()
        data = noise(5_000_000)
        server.transport.pause_reading()
        client.transport.write(data)
        await turns(200)
        server.transport.resume_reading()
        await eventually(lambda: len(server.got) == len(data))
        assert bytes(server.got) == data


async def test_slices_come_byte_by_byte() -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.change(up=Conditions(sliced=True))
        client.transport.write(noise(400))
        await eventually(lambda: len(server.got) == 400)
        assert len(server.chunks) > 350, "a turn that comes late may find two of them"


async def test_a_cut_way_swallows_and_the_other_goes_on() -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.change(up=Conditions(cut=True))
        client.transport.write(b"lost")
        server.transport.write(b"heard")
        await eventually(lambda: client.got == b"heard")
        assert not server.got
        there.proxy.heal()
        await eventually(lambda: client.lost and server.lost)
        assert not server.got, "a stream with a hole is what TCP never shows"
        assert isinstance(client.error, ConnectionResetError)


@pytest.mark.parametrize("how", ["end", "reset"])
async def test_a_cut_hides_the_end_too_until_it_heals(how: str) -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.change(down=Conditions(cut=True))
        if how == "reset":
            server.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
        server.transport.abort()
        await eventually(lambda: server.lost)
        client.transport.write(b"into nothing")
        await turns(50)
        assert not client.lost and not client.ended
        there.proxy.heal()
        await eventually(lambda: client.lost)


async def test_a_cut_that_cost_nothing_heals_without_a_reset() -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.change(up=Conditions(cut=True), down=Conditions(cut=True))
        there.proxy.heal()
        client.transport.write(b"still here")
        await eventually(lambda: server.got == b"still here")


async def test_an_answer_that_was_to_be_lost_never_comes() -> None:
    """Also where it had not yet come when the proxy healed; whoever asked nothing of the kind goes on."""
    async with place() as there:
        (asker, asked), (other, others) = await there.pair(), await there.pair()
        there.proxy.lose_answers(b"COMMIT")
        asker.transport.write(b"COMMIT")
        other.transport.write(b"SELECT")
        await eventually(lambda: asked.got == b"COMMIT" and others.got == b"SELECT")
        there.proxy.heal()
        asked.transport.write(b"done")
        others.transport.write(b"1")
        await eventually(lambda: asker.lost and other.got == b"1")
        assert not asker.got
        assert not other.lost


async def test_new_connections_meet_the_conditions_too() -> None:
    async with place() as there:
        there.proxy.change(up=Conditions(cut=True))
        client, server = await there.pair()
        client.transport.write(b"lost")
        server.transport.write(b"heard")
        await eventually(lambda: client.got == b"heard")
        assert not server.got


async def test_what_a_client_says_at_once_is_not_lost() -> None:
    async with place() as there:

        class Eager(Peer):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                self.transport.write(b"hello")

        await asyncio.get_running_loop().create_connection(Eager, "127.0.0.1", there.proxy.port)
        await eventually(lambda: there.peers and there.peers[0].got == b"hello")


async def test_what_is_halted_comes_late_and_whole() -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.change(up=Conditions(halted=True))
        data = noise(20_000_000)  # the kernel's buffers may take 10
        client.transport.write(data)
        await turns(200)
        assert client.transport.get_write_buffer_size() > 0, "the sender feels it"
        assert not server.got
        there.proxy.heal()
        await eventually(lambda: len(server.got) == len(data))
        assert bytes(server.got) == data


async def test_what_waits_is_bounded() -> None:
    async with place() as there:
        client, _ = await there.pair()
        there.proxy.change(up=Conditions(latency_s=1000))
        (link,) = there.proxy.links
        client.transport.write(noise(20_000_000))
        await eventually(lambda: link.up.queued >= QUEUED)
        await turns(200)
        assert link.up.queued < QUEUED + 1_000_000
        assert client.transport.get_write_buffer_size() > 0


async def test_a_reset_is_a_reset_on_both_sides() -> None:
    async with place() as there:
        pairs = [await there.pair() for _ in range(10)]
        assert there.proxy.reset(random.Random(3), 0.5) == len(
            [1 for dice in [random.Random(3)] for _ in range(10) if dice.random() < 0.5]
        )
        await eventually(lambda: 0 < sum(client.lost for client, _ in pairs) < 10)
        await turns(50)
        for client, server in pairs:
            assert client.lost == server.lost
            if client.lost:
                assert isinstance(client.error, ConnectionResetError)
                assert isinstance(server.error, ConnectionResetError)
        assert there.proxy.connections == sum(not client.lost for client, _ in pairs)


async def test_a_torn_frame_arrives_in_part() -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.reset(random.Random(5), within=300)
        data = noise(1000)
        client.transport.write(data)
        await eventually(lambda: client.lost and server.lost)
        assert 0 < len(server.got) < 300
        assert data.startswith(bytes(server.got))


async def test_healing_cancels_scheduled_resets() -> None:
    async with place() as there:
        torn, quiet = await there.pair(), await there.pair()
        there.proxy.reset(random.Random(5), within=300)
        torn[0].transport.write(noise(1000))
        await eventually(lambda: torn[1].got)
        there.proxy.heal()
        await eventually(lambda: torn[0].lost)
        quiet[0].transport.write(noise(1000))
        await eventually(lambda: len(quiet[1].got) == 1000)
        assert there.proxy.connections == 1


async def test_an_end_passes_when_all_before_it_has() -> None:
    async with place() as there:
        client, server = await there.pair()
        there.proxy.change(up=Conditions(latency_s=0.01))
        client.transport.write(b"last words")
        client.transport.write_eof()
        await eventually(lambda: server.ended)
        assert server.got == b"last words"
        server.transport.write(b"farewell")
        server.transport.close()
        await eventually(lambda: client.ended)
        assert client.got == b"farewell"
        await eventually(lambda: not there.proxy.connections)
        client.transport.close()


async def test_a_server_that_is_away_is_a_reset_and_it_may_come_back() -> None:
    async with place() as there:
        loop = asyncio.get_running_loop()
        there.proxy.targets, real = (("127.0.0.1", 1),), there.proxy.targets
        _, client = await loop.create_connection(Peer, "127.0.0.1", there.proxy.port)
        await eventually(lambda: client.lost)
        there.proxy.targets = real
        client, server = await there.pair()
        client.transport.write(b"back")
        await eventually(lambda: server.got == b"back")


def at(proxy: Proxy, peer: Peer) -> int:
    """Which of the proxy's targets a server's side belongs to."""
    return proxy.targets.index(peer.transport.get_extra_info("sockname")[:2])


async def test_several_servers_are_served_in_turn() -> None:
    """None that refuses, and none that is shut; which one a client is on can be told."""
    async with place(3) as there:
        proxy = there.proxy
        pairs = [await there.pair() for _ in range(6)]
        assert [at(proxy, server) for _, server in pairs] == [1, 2, 0, 1, 2, 0]
        for client, server in pairs:
            assert proxy.target(client.transport.get_extra_info("sockname")[1]) == at(proxy, server)
        proxy.shut(1)
        assert {at(proxy, (await there.pair())[1]) for _ in range(4)} == {0, 2}
        assert all(not client.lost for client, _ in pairs), "who is there may stay"
        proxy.heal()
        assert at(proxy, (await there.pair())[1]) in {0, 1, 2}
        proxy.targets = (proxy.targets[0], ("127.0.0.1", 1), proxy.targets[2])
        assert {at(proxy, (await there.pair())[1]) for _ in range(4)} == {0, 2}


async def test_one_server_is_cut_off_from_its_clients() -> None:
    async with place(2) as there:
        pairs = [await there.pair() for _ in range(4)]
        assert there.proxy.change(up=Conditions(cut=True), down=Conditions(cut=True), target=1) == 2
        pairs += [await there.pair() for _ in range(4)]
        for client, _ in pairs:
            client.transport.write(b"hello")
        clear = [pair for pair in pairs if at(there.proxy, pair[1]) == 0]
        await eventually(lambda: all(server.got == b"hello" for _, server in clear))
        cut = [pair for pair in pairs if pair not in clear]
        assert len(cut) == 4 and not any(server.got for _, server in cut)
        there.proxy.heal()
        await eventually(lambda: all(client.lost for client, _ in cut))
        assert not any(client.lost for client, _ in clear)


async def test_what_is_parted_is_reset_until_it_is_healed() -> None:
    async with place(2) as there:
        pairs = [await there.pair() for _ in range(2)]
        there.proxy.part()
        await eventually(lambda: all(client.lost and server.lost for client, server in pairs))
        _, turned_away = await asyncio.get_running_loop().create_connection(Peer, "127.0.0.1", there.proxy.port)
        await eventually(lambda: turned_away.lost)
        assert len(there.peers) == 2
        there.proxy.heal()
        client, server = await there.pair()
        client.transport.write(b"back")
        await eventually(lambda: server.got == b"back")


async def test_a_client_keeps_its_address() -> None:
    async with place() as there:
        _, server = await there.pair("127.0.5.7")
        assert server.transport.get_extra_info("peername")[0] == "127.0.5.7"
        assert there.peers == [server]


async def test_it_stops_while_connections_come_about() -> None:
    for _ in range(300):
        async with asyncio.timeout(PATIENCE_S), place() as there:
            await there.pair()


async def test_equal_dice_meet_equal_connections() -> None:
    async with place() as there:
        for _ in range(20):
            await there.pair()
        met = []
        for _ in range(2):
            there.proxy.change(up=Conditions(cut=True), dice=random.Random(9), share=0.3)
            met.append([link.number for link in there.proxy.links if link.up.conditions.cut])
        assert met[0] == met[1]
        assert 0 < len(met[0]) < 20
