"""How a search engine is reached: by TLS, with a password or a key, and again after it has crashed; and how much it can be asked at once."""

import asyncio
import ipaddress
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from madang.adapters.opensearch import open_indexes
from madang.core.search import parsed
from madang.errors import StorageFailed
from madang.ports.followers import Position
from madang.ports.search import Changes, Document, SearchIndex
from madang.testing.rules import new
from madang.testing.search import found
from tests.contract.test_search_engines import opened, places, said, seqs
from tests.engines import EngineServer, run_engine
from tests.faulty_engine import faulty
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.engines


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that nobody else has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "engine")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "engine.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


async def test_by_tls_with_a_password_or_a_key(engine: EngineServer, certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    basic = f"Basic {b64encode(b'ann:hunter2').decode()}"
    name, prefix = engine.product.name, new("i")
    for authorization, right, wrong in (
        (basic, ("ann:hunter2@", ""), ("ann:hunter3@", "")),
        ("ApiKey a2V5==", ("", "&api_key=a2V5%3D%3D"), ("", "&api_key=a2V6")),
    ):
        async with faulty(engine.port, tls, authorization) as proxy:

            def url(who: tuple[str, str], more: str) -> str:
                return f"{name}+https://{who[0]}127.0.0.1:{proxy.port}?prefix={prefix}{who[1]}{more}"

            trusted = f"&ssl_ca_certs={certificate}"
            async with opened(url(right, trusted)) as index:
                await index.change([said("yard", "회의")])
                assert await seqs(index, "yard") == [1]
            assert "security_exception" in await why_not(url(wrong, trusted))
            async with opened(url(right, "&ssl_cert_reqs=none")) as index:
                assert await seqs(index, "yard") == [1]


async def why_not(url: str) -> str:
    async with places(url) as indexes:
        with pytest.raises(StorageFailed) as caught:
            await indexes.serving()
    assert "hunter" not in str(caught.value) and "a2V" not in str(caught.value)
    return str(caught.value)


async def test_the_longest_query_in_many_rooms_of_which_the_beginning_is_hidden(engine: EngineServer) -> None:
    """An engine refuses a query of more than 1,024 parts; ours is within that whatever it is asked for."""
    rooms = [f"room-{n}" for n in range(300)]
    text = "".join(chr(0xAC00 + n) for n in range(199))
    async with opened(engine.url(new("i"))) as index:
        put = [[Document(seq, (2 * n + seq) << 22, "ann", text) for seq in (1, 2)] for n in range(len(rooms))]
        changes = [
            Changes(room=room, position=Position("e", 0), upto=2, put=each)
            for room, each in zip(rooms, put, strict=True)
        ]
        assert await index.change(changes) == set()
        hits = await found(index, parsed(text), dict.fromkeys(rooms, 1), limit=200)
        assert [hit.room for hit in hits] == rooms[::-1] and {hit.seq for hit in hits} == {2}
        words = " ".join("ㄱㄴㄷㄹㅁ"[: 2 + n % 4] for n in range(16))
        assert await found(index, parsed(words), dict.fromkeys(rooms, 1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["opensearch", "elasticsearch"])
async def test_a_crash_of_the_engine_loses_nothing_that_it_has_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.adapters.opensearch.engine.REST_S", 0.1)
    with run_engine(name) as engine:
        indexes = await open_indexes(engine.url("i"), "1")
        index = (await indexes.serving()).index
        upto = 0
        while upto < 2_000:
            assert await index.change([said("yard", *["회의"] * 100, at=upto)]) == set()
            upto += 100
        writing = asyncio.create_task(index.change([said("yard", *["회의"] * 100, at=upto)]))
        await asyncio.sleep(0)
        await asyncio.to_thread(engine.kill)
        try:
            assert await writing == set()
            told = upto + 100
        except StorageFailed:
            told = upto
        with pytest.raises(StorageFailed):
            await index.positions(["yard"])
        await asyncio.to_thread(engine.start)
        async with asyncio.timeout(PATIENCE_S):
            while (positions := await there(index)) is None:
                await asyncio.sleep(0.05)
        there_upto = positions["yard"].upto
        assert told <= there_upto <= upto + 100
        assert len(await seqs(index, "yard")) == there_upto
        await indexes.close()


async def there(index: SearchIndex) -> dict[str, Position] | None:
    try:
        return await index.positions(["yard"])
    except StorageFailed:
        return None
