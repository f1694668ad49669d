"""How the scenarios start servers: quickly, those of a testbed too. `test_prove.py` has commands, whose servers start as people's do."""

import pytest

from madang_proof.testbed import testbed
from tests.running import ForkedServer


@pytest.fixture(autouse=True)
def forked_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the servers of testbeds. One that starts by itself takes 1.5 s of the processor."""
    monkeypatch.setattr(testbed, "Server", ForkedServer)
