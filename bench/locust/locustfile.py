"""S0, a live Q&A, for Locust: 20 users of one room send 80 messages each, so 1,600 sends and 32,000 receipts.

`bench/locust/run ws://127.0.0.1:8400/ws` runs it. Every user follows the room, sends four messages a second and notes what
arrives; times count from when a message was due. The exit status is 0 only if every message was acked once, and
reached everybody once and in order. The server's usual limits are enough for it.
"""

import itertools
import json
import time
from secrets import token_hex
from typing import Any, Final

import gevent
from gevent.event import Event
from locust import User, events, task
from locust.env import Environment
from websocket import WebSocket, WebSocketException, create_connection

USERS: Final = 20
SENDS: Final = 80  # of each
RATE: Final = 4.0  # a second, of each
PATIENCE_S: Final = 30.0
ROOM: Final = f"s0-{token_hex(4)}"
numbers = itertools.count()
made = Event()
everybody = Event()
people: "list[Person]" = []


class Person(User):
    """One user: a connection, a greenlet that hears, and one that sends."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.number = next(numbers)
        self.socket: WebSocket
        self.acks: dict[int, float] = {}  # n -> when it was due
        self.acked = 0
        self.seqs: list[int] = []
        people.append(self)

    def on_start(self) -> None:
        """Enter the room, and wait for the others."""
        self.socket = create_connection(self.host, timeout=PATIENCE_S)
        self.ask({"op": "hello", "n": 1, "guest": f"User {self.number}"})
        if self.number == 0:
            self.ask({"op": "create", "n": 2, "room": ROOM, "title": "S0", "access": "open"})
            made.set()
        assert made.wait(PATIENCE_S)
        self.ask({"op": "join", "n": 3, "room": ROOM, "limit": 0})
        self.hearing = gevent.spawn(self.hear)
        if sum(hasattr(person, "hearing") for person in people) == USERS:
            everybody.set()
        assert everybody.wait(PATIENCE_S), "not all came; start it with -u 20"

    def ask(self, command: dict[str, Any]) -> None:
        """Return a command and wait for its answer."""
        self.socket.send(json.dumps(command))
        while (told := json.loads(self.socket.recv())).get("n") != command["n"]:
            pass
        assert told["op"] == "ok", told

    @task
    def talk(self) -> None:
        """Send SENDS messages when they are due, wait until all has come, and stop."""
        began = time.perf_counter() + self.number / USERS / RATE
        for m in range(SENDS):
            due = began + m / RATE
            gevent.sleep(max(0.0, due - time.perf_counter()))
            n = 100 + m
            self.acks[n] = due
            text = f"{due:.6f} hello there"
            self.socket.send(
                json.dumps({"op": "send", "n": n, "room": ROOM, "cid": f"{self.number}-{m}", "text": text})
            )
        with gevent.Timeout(PATIENCE_S, False):
            while self.acks or len(self.seqs) < USERS * SENDS:
                gevent.sleep(0.05)
        gevent.sleep(0.5)  # for what comes twice
        self.hearing.kill()
        if all(person.hearing.dead for person in people):
            gevent.spawn(self.environment.runner.quit)  # it ends this greenlet too
        gevent.sleep(PATIENCE_S)

    def hear(self) -> None:
        """Note what arrives, for as long as the socket lives."""
        try:
            while True:
                self.note(json.loads(self.socket.recv()))
        except (WebSocketException, OSError, ValueError):
            pass

    def note(self, told: dict[str, Any]) -> None:
        """Note one frame."""
        now = time.perf_counter()
        if told["op"] == "event" and told["type"] == "message.sent":
            self.seqs.append(told["seq"])
            self.fire("receipt", now - float(told["text"].split()[0]))
        elif told["op"] == "ok" and told.get("n") in self.acks:
            self.acked += 1
            self.fire("ack", now - self.acks.pop(told["n"]))
        elif told["op"] == "error":
            self.fire("ack", 0.0, RuntimeError(told["code"]))

    def fire(self, name: str, seconds: float, error: Exception | None = None) -> None:
        """Tell Locust."""
        self.environment.events.request.fire(
            request_type="WS", name=name, response_time=seconds * 1000, response_length=0, exception=error, context={}
        )


@events.quitting.add_listener
def judge(environment: Environment, **_: Any) -> None:
    """Say what was counted, as the last line, and fail if anything is missing, doubled or out of order."""
    acks = sum(person.acked for person in people)
    receipts = sum(len(person.seqs) for person in people)
    in_order = all(seqs == sorted(set(seqs)) for seqs in (person.seqs for person in people))
    same = len({tuple(person.seqs) for person in people}) == 1
    good = acks == USERS * SENDS and receipts == USERS * USERS * SENDS and in_order and same
    times = {
        name: {
            "p50": entry.get_response_time_percentile(0.5), "p99": entry.get_response_time_percentile(0.99),
            "max": entry.max_response_time,
        }
        for name in ("receipt", "ack") if (entry := environment.stats.get(name, "WS")).num_requests
    }  # fmt: skip
    print(json.dumps({"acks": acks, "receipts": receipts, "once and in order": in_order and same, **times}))
    environment.process_exit_code = 0 if good else 1
