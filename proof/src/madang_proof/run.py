"""A run: servers on a testbed, a load, faults one after the other, then the verdict over the history.

`prove` is `madang prove` without a terminal; tests call it. What is done is in `plan`, `load` and `faults`.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from websockets.exceptions import InvalidURI

from madang.adapters.sql import inspect_database
from madang.errors import SetupError, plain_reason
from madang_proof.faults import FAULTS, Broken, fitting
from madang_proof.history import HistoryWriter
from madang_proof.history.records import Setup, now
from madang_proof.load import frames
from madang_proof.load.command import Command, encode
from madang_proof.load.connection import dial
from madang_proof.load.crowd import ConnectionLost, Crowd, LoadRefused
from madang_proof.load.recorder import Recorder
from madang_proof.load.writers import WRITERS, Writers
from madang_proof.plan import Injection, Plan
from madang_proof.testbed.samples import sample
from madang_proof.testbed.server import PROGRAM, Server
from madang_proof.testbed.testbed import Fleet, Testbed, run_fleet, run_testbed
from madang_proof.verdict import Injected, Outcome, Report, RunProgress, judge

SAMPLE_S: Final = 1.0
SAMPLES: Final = 4  # at most, until nothing is queued: read pointers are written once a second
REPORT_S: Final = 0.2
READS: Final = 3
CRASHED_S: Final = 60.0  # how long users of a killed node may be shown as online (docs/guides/fleet.md)
POINTERS_UNWRITTEN_US: Final = (
    2_000_000  # a read pointer is written within a second; a machine under load may take another
)
PAPERS_LAG_US: Final = (
    30_000_000  # a node finds within a second what no bus has told it, once it reaches the database again
)
PING_S: Final = 25.0  # the server's default
NOTIFIED_S: Final = 8.0
HELLO_S: Final = 10.0
GUEST: Final = "Prover"  # the guest that looks at somebody else's server beforehand


async def prove(
    plan: Plan,
    folder: Path,
    *,
    program: tuple[str, ...] = PROGRAM,
    settings: Mapping[str, str] | None = None,
    fleet: Fleet | None = None,
    report: Report | None = None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Run a plan against servers started for it, and judge what their clients saw.

    Args:
        folder: for the evidence: plan.json, history.jsonl, verdict.json, logs and data; created where it is missing.
        program: the server, as for `run_testbed`.
        settings: settings of the server instead of the plan's.
        fleet: several nodes that share an empty database, instead of a single server.
        stop: ends the storm early; what was done until then is judge.

    Raises:
        SetupError: the folder or the database is not empty, a server did not start, or a fault cannot be tried here.
    """
    untried = await asyncio.to_thread(_untried, fitting(fleet)) if plan.injections else {}
    for injection in plan.injections:
        reason = untried.get(injection.fault, "" if injection.fault in fitting(fleet) else "it is about other servers.")
        if reason:
            raise SetupError(f"The fault {injection.fault} cannot be tried here: {reason}", "Leave it out of --faults.")
    settings = {**(plan.settings if settings is None else settings)}
    if fleet is None:
        running = run_testbed(folder, program=program, settings=settings)
    else:
        await _check_empty(fleet.database)
        settings |= {"database": fleet.database, "bus": fleet.bus}
        if fleet.search:
            settings["search"] = fleet.search
        running = run_fleet(folder, fleet.nodes, program=program, settings=settings)
    progress = RunProgress(untried=untried)
    silence = _presence_ttl_us(float(settings.get("ping_s", PING_S))) + (
        0 if fleet is None else int(CRASHED_S * 1_000_000)
    )
    setup = _setup(plan.seed, silence, papers_lag=0 if fleet is None else PAPERS_LAG_US)
    async with _evidence(plan, folder, setup) as recorder:
        run = _Run(plan, recorder, progress, report, stop or asyncio.Event())
        try:
            async with running as testbed:
                run.testbed = testbed
                recorder.node_of = testbed.node_of
                secret = settings.get("jwt_secret", "")
                crowd = Crowd(plan, testbed.url, recorder, direct=testbed.server.direct_url, secret=secret)
                await run.all(crowd, Writers(plan.seed, testbed.url, recorder))
        except RuntimeError as error:
            raise SetupError(f"The server did not start: {error}", f"See the logs in {folder}.") from None
    return await judge(plan, folder, recorder, progress, report)


async def _check_empty(database: str) -> None:
    """Raise SetupError where the database has been used."""
    if (await inspect_database(database)).schema is not None:
        raise SetupError("The database is not empty.", "Make one for this run, and drop it afterwards.")


async def prove_url(
    plan: Plan, folder: Path, url: str, prefix: str, *, report: Report | None = None, stop: asyncio.Event | None = None
) -> Outcome:
    """Run a plan, without faults, against a running server; `prefix` makes the names of its rooms unique.

    Raises:
        SetupError: the folder is not empty, or the server does not accept the load.
    """
    server = await _greet(url)
    progress = RunProgress(
        notes=[
            "I25 needs samples of the server's process, which can only be taken of a server that `madang prove` has started."
        ]
    )
    ping_s = server.get("ping_ms", PING_S * 1000) / 1000
    setup = _setup(plan.seed, _presence_ttl_us(ping_s), ack=str(server.get("ack")))
    async with _evidence(plan, folder, setup) as recorder:
        crowd = Crowd(plan, url, recorder, prefix)
        writers = Writers(plan.seed, url, recorder, prefix)
        await _Run(plan, recorder, progress, report, stop or asyncio.Event()).all(crowd, writers)
        names = [user.name for user in plan.users]
        rooms = ", ".join([*crowd.created, writers.room])
        guests = f"{GUEST}, Reader and Writer 1 to {WRITERS}"
        progress.left = (
            f"the rooms {rooms}, the guests {guests}, and the users {names[0]} to {names[-1]}, some with accounts"
        )
    return await judge(plan, folder, recorder, progress, report)


def _setup(seed: int, presence_ttl: int, ack: str = "stored", papers_lag: int = PAPERS_LAG_US) -> Setup:
    return Setup(
        now(), ack=ack, seed=seed, presence_ttl=presence_ttl, pointers_unwritten=POINTERS_UNWRITTEN_US, papers_lag=papers_lag
    )  # fmt: skip


def _presence_ttl_us(ping_s: float) -> int:
    """Return for how many microseconds a user who is gone may be shown as online.

    That is two unanswered pings, and time to notify.
    """
    return int((3 * ping_s + NOTIFIED_S) * 1_000_000)


def _untried(faults: Collection[str]) -> dict[str, str]:
    missing = {name: FAULTS[name].unavailable() for name in faults}
    return {name: reason for name, reason in missing.items() if reason}


async def _greet(url: str) -> dict[str, Any]:
    """Say hello to a server, and return what it says of itself."""
    answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    def take(text: bytes | None) -> None:
        if not answer.done():
            answer.set_result(text)

    try:
        connection = await dial(url, take, lambda _: take(None))
        if connection is not None:
            connection.send([encode(Command(op="hello", more={"guest": GUEST}), 1)])
            async with asyncio.timeout(HELLO_S):
                text = await answer
            connection.close()
            if text is not None and isinstance(frame := frames.decode(text), frames.Frame) and frame.op == "ok":
                return frame.server
    except InvalidURI:
        raise SetupError(f"{url} is not the URL of a server.", "It looks like ws://127.0.0.1:8400/ws.") from None
    except (ValueError, TimeoutError) as error:
        raise SetupError(
            f"There is no Madang at {url}: {error or 'no answer'}.", "A URL looks like ws://127.0.0.1:8400/ws."
        ) from None
    raise SetupError(
        f"No guest is let in at {url}.", "Does it run, and is this its URL? It looks like ws://127.0.0.1:8400/ws."
    )


@asynccontextmanager
async def _evidence(plan: Plan, folder: Path, setup: Setup) -> AsyncIterator[Recorder]:
    recorder = Recorder(await asyncio.to_thread(_begin, plan, folder))
    recorder.note(setup)
    keeping = asyncio.create_task(recorder.keep())
    try:
        yield recorder
    finally:
        keeping.cancel()
        (failure,) = await asyncio.gather(keeping, return_exceptions=True)
        if isinstance(failure, OSError):
            raise SetupError(
                f"The evidence cannot be kept in {folder}: {plain_reason(failure)}.",
                "Make room, or name another folder.",
            )
        await recorder.close()


def _begin(plan: Plan, folder: Path) -> HistoryWriter:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SetupError(f"The folder {folder} is not empty.", "Name another for the evidence, or empty it.")
        text = json.dumps(msgspec.to_builtins(plan), indent=1, ensure_ascii=False)
        (folder / "plan.json").write_text(text + "\n", encoding="utf-8")
        return HistoryWriter(folder / "history.jsonl")
    except OSError as error:
        raise SetupError(
            f"The evidence cannot be kept in {folder}: {plain_reason(error)}.", "Name another folder."
        ) from None


class _Run:
    """What happens between the first connection and the last."""

    def __init__(
        self, plan: Plan, recorder: Recorder, progress: RunProgress, report: Report | None, stop: asyncio.Event
    ) -> None:
        self._plan = plan
        self._recorder = recorder
        self._progress = progress
        self._report = report
        self._stop = stop
        self._doing = "users connect"
        self._begun = 0.0  # loop time at which the storm began
        self._phase = "before"
        self.testbed: Testbed | None = None

    async def all(self, crowd: Crowd, writers: Writers) -> None:
        """Run everything."""
        beside = [asyncio.create_task(self._reporting()), asyncio.create_task(self._sampling())]
        try:
            await crowd.connect()
            if not await writers.connect():
                self._progress.notes.append("I24 needs papers, which this server does not have.")
            await self._sample("before")
            await self._storm(crowd, writers)
            if self._alive:
                await self._quiet(crowd, writers)
            else:
                self._progress.broken.append("A server was gone at the end.")
        except LoadRefused as error:
            raise SetupError(str(error), "Look into the server's log.") from None
        finally:
            for task in beside:
                task.cancel()
            crowd.cancel()
            await writers.close()
            await asyncio.gather(*beside, return_exceptions=True)

    @property
    def _alive(self) -> bool:
        return self.testbed is None or all(server.running for server in self.testbed.servers)

    async def _storm(self, crowd: Crowd, writers: Writers) -> None:
        self._doing, self._phase = "a storm", "storm"
        storm = asyncio.create_task(_storm(crowd, writers))
        loop = asyncio.get_running_loop()
        begun = self._begun = loop.time()
        try:
            for number, injection in enumerate(self._plan.injections, 1):
                await self._pause(begun + injection.at - loop.time())
                if self._stop.is_set():
                    break
                self._doing = f"fault {number} of {len(self._plan.injections)}: {FAULTS[injection.fault].title}"
                await self._inject(crowd, injection)
                if not self._alive:
                    return
            await self._pause(begun + self._plan.seconds - loop.time())
        finally:
            storm.cancel()
            await asyncio.wait([storm])
        if not storm.cancelled() and (error := storm.exception()) is not None:
            raise error  # a bug in the load, which would otherwise have sent less and less

    async def _inject(self, crowd: Crowd, injection: Injection) -> None:
        assert self.testbed is not None
        fault, recorder = FAULTS[injection.fault], self._recorder
        loop = asyncio.get_running_loop()
        begun = loop.time()
        recorder.begin(fault.name)
        note, broken = "", False
        try:
            self.testbed.choose(random.Random(injection.dice))  # noqa: S311  # seeded on purpose
            note = await fault.inject(self.testbed, random.Random(injection.dice))  # noqa: S311  # likewise
        except Broken as error:
            note, broken = str(error), True
            self._progress.broken.append(f"{fault.name}: {error}")
        except RuntimeError as error:
            note, broken = "the server did not start again", True
            self._progress.broken.append(f"{fault.name}: {error}")
        healed = loop.time()
        if self._alive and not await crowd.reconnected():
            broken = True
            self._progress.broken.append(f"{fault.name}: not all clients were back a minute after it.")
        silence = recorder.end(note)
        self._doing = f"{fault.name}: no ack for {silence:.1f} s"
        self._progress.injected.append(
            Injected(fault.name, fault.number, note, healed - begun, loop.time() - healed, silence, broken)
        )

    async def _quiet(self, crowd: Crowd, writers: Writers) -> None:
        self._phase = "rest"
        for tries_left in reversed(range(READS)):
            self._doing = "the load settles"
            if (missing := await crowd.settle()) is not None:
                self._progress.broken.append(missing)
            self._doing = "everything is read once more"
            try:
                await crowd.read_everything()
                break
            except ConnectionLost:  # the connection had been broken for a while, and nobody had noticed
                if missing is not None or not tries_left:
                    self._progress.broken.append(
                        "After the storm, connections broke while everything was read once more."
                    )
                    break
        if (missing := await writers.settle()) is not None:
            self._progress.broken.append(missing)
        for _ in range(SAMPLES):
            if not await self._sample("after"):
                break
            await asyncio.sleep(SAMPLE_S)
        self._doing = "users disconnect"
        await crowd.close()
        await writers.close()
        if self.testbed is not None:
            await asyncio.gather(*map(self._stop_server, self.testbed.servers))

    async def _stop_server(self, server: Server) -> None:
        if not server.running:
            self._progress.broken.append("A server was gone at the end.")
            return
        try:
            if status := await server.stop():
                self._progress.broken.append(f"When told to stop, the server ended with status {status}.")
        except TimeoutError:
            self._progress.broken.append("When told to stop, the server did not end.")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _sample(self, phase: str) -> int:
        """Take a sample of each server, and return how much is queued on them."""
        queued = 0
        if self.testbed is None:
            return 0
        for server in self.testbed.servers:
            if (taken := await sample(server, phase, self.testbed.name(server))) is not None:
                self._recorder.note(taken)
                queued += taken.queued
        return queued

    async def _sampling(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            if self._phase == "storm" and self._recorder.fault is None:
                await self._sample("storm")

    async def _reporting(self) -> None:
        while self._report is not None:
            passed = asyncio.get_running_loop().time() - self._begun if self._begun else 0.0
            late = self._phase == "storm" and passed > self._plan.seconds
            doing = "the last fault is recovered from" if late else self._doing
            self._report(doing, min(1.0, passed / self._plan.seconds), self._recorder)
            await asyncio.sleep(REPORT_S)


async def _storm(crowd: Crowd, writers: Writers) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.storm())
        group.create_task(writers.storm())
