"""URLs of databases and buses: what is wrong with one is a sentence, whatever it is."""

from pathlib import Path

import pytest

from madang.adapters.bus.redis.connecting import target
from madang.adapters.urls import tls
from madang.errors import SetupError


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(SetupError, match="has no certificates"):
        tls(verify=True, host=True, authorities=str(empty))
    with pytest.raises(SetupError, match="cannot be read"):
        tls(verify=True, host=True, authorities=str(tmp_path))


def test_an_option_that_a_redis_url_names_twice() -> None:
    assert target("rediss://host?ssl_cert_reqs=none").keys["ssl_cert_reqs"] == "none"
    with pytest.raises(SetupError, match="ssl_cert_reqs twice"):
        target("rediss://host?ssl_cert_reqs=required&ssl_cert_reqs=none")
