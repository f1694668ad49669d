"""What is wrong with a Redis server is said in one sentence, at start and by `madang doctor`; what is fine is not talked about."""

from collections.abc import Mapping

import pytest

from madang.adapters.bus.redis import inspect
from madang.cli import fleet
from madang.config import Settings
from madang.errors import SetupError
from tests.daemons import NO_SETTINGS
from tests.redis import RedisServer, run_redis
from tests.redis_topologies import Cluster, run_sentinels

pytestmark = pytest.mark.redis
DATABASE = "postgresql://host/database"  # not connected to


async def refusal(url: str) -> str:
    with pytest.raises(SetupError) as caught:
        await inspect(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_good_servers_are_not_talked_about(redis_server: RedisServer, redis_cluster: Cluster) -> None:
    assert await inspect(redis_server.url) == []
    assert await inspect(redis_cluster.url) == []


async def test_what_is_no_url_is_refused() -> None:
    for url in (
        "redis://", "redis://h/x", "redis://h:x", "redis+sentinel://h:1", "redis+sentinel://h/x", "redis+cluster://h",
        "redis+cluster://h:1/x", "redis+other://h:1", "http://h:1",
    ):  # fmt: skip
        assert "is not a URL of a Redis server" in await refusal(url), url


async def test_a_server_of_another_kind_is_named(redis_server: RedisServer, redis_cluster: Cluster) -> None:
    one, members = redis_server.url, redis_cluster.url
    first = redis_cluster.servers[0]
    assert "is a member of a Cluster. Write redis+cluster://" in await refusal(first.url)
    assert "is not a member of a Cluster. Write redis://" in await refusal(one.replace("redis:", "redis+cluster:"))
    assert "is not a Sentinel. Name" in await refusal(one.replace(":", "+sentinel:", 1) + "/x")
    for nobody in ("redis://:secret@127.0.0.1:1", "redis+cluster://:secret@127.0.0.1:1", "rediss://127.0.0.1:1"):
        assert "127.0.0.1:1 does not answer" in await refusal(nobody)
    assert await inspect(members.replace("//", "//127.0.0.1:1,")) == [], "one of them is enough"


async def test_replicas_and_sentinels_are_not_taken_for_a_primary() -> None:
    with run_sentinels() as redis:
        assert await inspect(redis.url) == []
        replica = next(server for server in redis.servers if server is not redis.primary)
        said = await refusal(replica.url)
        assert f"is a replica. Name its primary (127.0.0.1:{redis.primary.port})" in said
        assert "is a Sentinel. Write redis+sentinel://" in await refusal(redis.sentinels[0].url)
        assert "name no primary for 'wrong'" in await refusal(redis.url.replace("/yard", "/wrong"))


async def test_who_is_not_let_in_or_may_not_do_it_is_told() -> None:
    with run_redis({"requirepass": "secret"}) as server:
        assert "refuses" in await refusal(server.url) or "does not let us in" in await refusal(server.url)
        assert "does not let us in" in await refusal(server.url.replace("//", "//:wrong-secret@"))
        assert await inspect(server.url.replace("//", "//:secret@")) == []
        for name, rules, allowed in (
            ("all", ["~madang:*", "&madang:*", "+@all"], True),
            ("managed", ["~madang:*", "&madang:*", "+@all", "-config"], True),
            ("without-administration", ["~madang:*", "&madang:*", "+@all", "-@admin"], True),
            ("deaf", ["~madang:*", "+@all", "resetchannels"], False),
            ("mute", ["~madang:*", "&madang:*", "+@all", "-publish"], False),
            ("absent", ["&madang:*", "+@all"], False),
        ):
            server.ask("acl", "setuser", name, "on", ">word", *rules)
            url = server.url.replace("//", f"//{name}:word@")
            if allowed:
                assert await inspect(url) == [], name
                assert [found.level for found in await fleet.bus(Settings(bus=url, database=DATABASE))] == ["ok"], name
            else:
                assert "does not let us do what the bus needs" in await refusal(url), name


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"maxmemory": "10mb", "maxmemory-policy": "allkeys-lru"}, "may evict presence"),
        ({"maxmemory": "10mb", "maxmemory-policy": "volatile-lru"}, ""),
        ({"maxmemory-policy": "allkeys-lru"}, ""),
        ({"maxmemory": "1000gb"}, "of the machine's memory"),
        ({"client-output-buffer-limit": "pubsub 1mb 512kb 60"}, "disconnects a node that is 524288 bytes behind"),
        ({"client-output-buffer-limit": "pubsub 0 0 0"}, ""),
    ],
)
async def test_doubtful_settings_are_named(settings: Mapping[str, str], said: str) -> None:
    with run_redis(settings or NO_SETTINGS) as server:
        doubts = await inspect(server.url)
        assert len(doubts) == bool(said)
        assert said in " ".join(doubts)
