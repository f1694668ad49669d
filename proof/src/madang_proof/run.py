"""A run: the servers on their stage, the crowd, the faults in their turn, then the verdict over the history.

`prove` is `madang prove` without a terminal; tests call it. What is done is in `plan`, `load` and `faults/`.
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
from madang.errors import SetupError
from madang_proof.faults import FAULTS, Broken, fitting
from madang_proof.history import Recorder
from madang_proof.history.records import Setup, now
from madang_proof.load import frames
from madang_proof.load.command import Command, encode
from madang_proof.load.connection import dial
from madang_proof.load.crowd import Crowd, Lost, Unfit
from madang_proof.load.recorder import Witness
from madang_proof.plan import Plan, Strike
from madang_proof.testbed.samples import sample
from madang_proof.testbed.server import PROGRAM, Server
from madang_proof.testbed.testbed import Fleet, Stage, staged, staged_fleet
from madang_proof.verdict import Course, Outcome, Struck, Tell, judged

SAMPLE_S: Final = 1.0
TELL_S: Final = 0.2
LOOKS: Final = 3
CRASHED_S: Final = 60.0  # users of a node that was killed may be shown as online for so long (docs/guides/fleet.md)
PING_S: Final = 25.0  # what a server does if nobody says otherwise
TOLD_S: Final = 8.0
HELLO_S: Final = 10.0
GUEST: Final = "Prover"  # who looks at somebody else's server beforehand


async def prove(
    plan: Plan,
    folder: Path,
    *,
    program: tuple[str, ...] = PROGRAM,
    settings: Mapping[str, str] | None = None,
    fleet: Fleet | None = None,
    tell: Tell | None = None,
    stop: asyncio.Event | None = None,
) -> Outcome:
    """Run a plan against servers of its own, and judge what their clients saw.

    Args:
        folder: for the evidence: plan.json, history.jsonl, verdict.json, logs and data; made where it is missing.
        program: the server, as `staged` takes it.
        settings: settings of the server in place of the plan's.
        fleet: several nodes that share an empty database, in place of one server with its own.
        stop: ends the storm before its time; what was done until then is judged.

    Raises:
        SetupError: the folder is not empty, nor the database, a server did not start, or a fault cannot be tried here.
    """
    untried = await asyncio.to_thread(_untried, fitting(fleet)) if plan.strikes else {}
    for strike in plan.strikes:
        reason = untried.get(strike.fault, "" if strike.fault in fitting(fleet) else "it is about other servers.")
        if reason:
            raise SetupError(f"The fault {strike.fault} cannot be tried here: {reason}", "Leave it out of --faults.")
    settings = {**(plan.settings if settings is None else settings)}
    if fleet is None:
        staging = staged(folder, program=program, settings=settings)
    else:
        await _empty(fleet.database)
        settings |= {"database": fleet.database, "bus": fleet.bus}
        staging = staged_fleet(folder, fleet.nodes, program=program, settings=settings)
    course = Course(untried=untried)
    silence = _silence(float(settings.get("ping_s", PING_S))) + (0 if fleet is None else int(CRASHED_S * 1_000_000))
    async with _evidence(plan, folder, Setup(now(), seed=plan.seed, presence_ttl=silence)) as witness:
        run = _Run(plan, witness, course, tell, stop or asyncio.Event())
        try:
            async with staging as stage:
                run.stage = stage
                witness.where = stage.where
                await run.all(Crowd(plan, stage.url, witness, direct=stage.server.direct_url))
        except RuntimeError as error:
            raise SetupError(f"The server did not start: {error}", f"See the logs in {folder}.") from None
    return await judged(plan, folder, witness, course, tell)


async def _empty(database: str) -> None:
    """Raises SetupError where something is in the database."""
    if (await inspect_database(database)).schema is not None:
        raise SetupError("The database is not empty.", "Make one for this run, and drop it afterwards.")


async def prove_url(
    plan: Plan, folder: Path, url: str, prefix: str, *, tell: Tell | None = None, stop: asyncio.Event | None = None
) -> Outcome:
    """Run a plan, without faults, against a server that runs already; `prefix` makes the names of its rooms new.

    Raises:
        SetupError: the folder is not empty, or the server does not let the load in.
    """
    server = await _greeting(url)
    course = Course(notes=["I25 needs samples of the server's process, which are taken of one's own server alone."])
    ping_s = server.get("ping_ms", PING_S * 1000) / 1000
    setup = Setup(now(), ack=str(server.get("ack")), seed=plan.seed, presence_ttl=_silence(ping_s))
    async with _evidence(plan, folder, setup) as witness:
        crowd = Crowd(plan, url, witness, prefix)
        await _Run(plan, witness, course, tell, stop or asyncio.Event()).all(crowd)
        names = [person.name for person in plan.people]
        course.left = f"the rooms {', '.join(crowd.made)}, and the guests {GUEST} and {names[0]} to {names[-1]}"
    return await judged(plan, folder, witness, course, tell)


def _silence(ping_s: float) -> int:
    """Give how long who is gone may be shown as present, in microseconds: two pings unanswered, and some time to tell."""
    return int((3 * ping_s + TOLD_S) * 1_000_000)


def _untried(faults: Collection[str]) -> dict[str, str]:
    missing = {name: FAULTS[name].missing() for name in faults}
    return {name: reason for name, reason in missing.items() if reason}


async def _greeting(url: str) -> dict[str, Any]:
    """Say hello to a server; gives what it says of itself."""
    answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    def take(text: bytes | None) -> None:
        if not answer.done():
            answer.set_result(text)

    try:
        wire = await dial(url, take, lambda _: take(None))
        if wire is not None:
            wire.send([encode(Command(op="hello", more={"guest": GUEST}), 1)])
            async with asyncio.timeout(HELLO_S):
                text = await answer
            wire.close()
            if text is not None and isinstance(frame := frames.decode(text), frames.Frame) and frame.op == "ok":
                return frame.server
    except (ValueError, TimeoutError, InvalidURI) as error:
        raise SetupError(f"There is no Madang at {url}: {error}.", "A URL looks like ws://127.0.0.1:8400/ws.") from None
    raise SetupError(
        f"No guest is let in at {url}.", "Does it run, and is this its URL? It looks like ws://127.0.0.1:8400/ws."
    )


@asynccontextmanager
async def _evidence(plan: Plan, folder: Path, setup: Setup) -> AsyncIterator[Witness]:
    witness = Witness(await asyncio.to_thread(_begin, plan, folder))
    witness.note(setup)
    keeping = asyncio.create_task(witness.keep())
    try:
        yield witness
    finally:
        keeping.cancel()
        (failure,) = await asyncio.gather(keeping, return_exceptions=True)
        if isinstance(failure, OSError):
            raise SetupError(
                f"The evidence cannot be kept in {folder}: {failure}.", "Make room, or name another folder."
            )
        await witness.close()


def _begin(plan: Plan, folder: Path) -> Recorder:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SetupError(f"The folder {folder} is not empty.", "Name another for the evidence, or empty it.")
        text = json.dumps(msgspec.to_builtins(plan), indent=1, ensure_ascii=False)
        (folder / "plan.json").write_text(text + "\n", encoding="utf-8")
        return Recorder(folder / "history.jsonl")
    except OSError as error:
        raise SetupError(f"The evidence cannot be kept in {folder}: {error}.", "Name another folder.") from None


class _Run:
    """What happens between the first connection and the last."""

    def __init__(self, plan: Plan, witness: Witness, course: Course, tell: Tell | None, stop: asyncio.Event) -> None:
        self._plan = plan
        self._witness = witness
        self._course = course
        self._tell = tell
        self._stop = stop
        self._doing = "everybody comes"
        self._begun = 0.0  # loop time of the storm's first moment
        self._phase = "before"
        self.stage: Stage | None = None

    async def all(self, crowd: Crowd) -> None:
        """Run it."""
        beside = [asyncio.create_task(self._telling()), asyncio.create_task(self._sampling())]
        try:
            await crowd.come()
            await self._sample("before")
            await self._storm(crowd)
            if self._alive:
                await self._quiet(crowd)
            else:
                self._course.broken.append("A server was gone in the end.")
        except Unfit as error:
            raise SetupError(str(error), "Look into the server's log.") from None
        finally:
            for task in beside:
                task.cancel()
            crowd.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    @property
    def _alive(self) -> bool:
        return self.stage is None or all(server.running for server in self.stage.servers)

    async def _storm(self, crowd: Crowd) -> None:
        self._doing, self._phase = "a storm", "storm"
        storm = asyncio.create_task(crowd.storm())
        loop = asyncio.get_running_loop()
        begun = self._begun = loop.time()
        try:
            for number, strike in enumerate(self._plan.strikes, 1):
                await self._pause(begun + strike.at - loop.time())
                if self._stop.is_set():
                    break
                self._doing = f"fault {number} of {len(self._plan.strikes)}: {FAULTS[strike.fault].title}"
                await self._strike(crowd, strike)
                if not self._alive:
                    return
            await self._pause(begun + self._plan.seconds - loop.time())
        finally:
            storm.cancel()
            await asyncio.wait([storm])
        if not storm.cancelled() and (error := storm.exception()) is not None:
            raise error  # a mistake of the load's, which would have had less and less to say

    async def _strike(self, crowd: Crowd, strike: Strike) -> None:
        assert self.stage is not None
        fault, witness = FAULTS[strike.fault], self._witness
        loop = asyncio.get_running_loop()
        begun = loop.time()
        witness.begin(fault.name)
        note, broken = "", False
        try:
            self.stage.choose(random.Random(strike.dice))  # noqa: S311  # seeded on purpose
            note = await fault.strike(self.stage, random.Random(strike.dice))  # noqa: S311  # likewise
        except Broken as error:
            note, broken = str(error), True
            self._course.broken.append(f"{fault.name}: {error}")
        except RuntimeError as error:
            note, broken = "the server did not start again", True
            self._course.broken.append(f"{fault.name}: {error}")
        healed = loop.time()
        if self._alive and not await crowd.back():
            broken = True
            self._course.broken.append(f"{fault.name}: not everybody was back a minute after it.")
        silence = witness.end(note)
        self._doing = f"{fault.name}: no ack for {silence:.1f} s"
        self._course.struck.append(
            Struck(fault.name, fault.number, note, healed - begun, loop.time() - healed, silence, broken)
        )

    async def _quiet(self, crowd: Crowd) -> None:
        self._phase = "rest"
        for tries_left in reversed(range(LOOKS)):
            self._doing = "everybody comes to rest"
            if (missing := await crowd.rest()) is not None:
                self._course.broken.append(missing)
            self._doing = "everything is read once more"
            try:
                await crowd.look()
                break
            except Lost:  # a connection that was broken without knowing it, at most
                if missing is not None or not tries_left:
                    self._course.broken.append(
                        "After the storm, connections broke while everything was read once more."
                    )
                    break
        await self._sample("after")
        self._doing = "everybody goes"
        await crowd.go()
        if self.stage is not None:
            await asyncio.gather(*map(self._stop_server, self.stage.servers))

    async def _stop_server(self, server: Server) -> None:
        if not server.running:
            self._course.broken.append("A server was gone in the end.")
            return
        try:
            if status := await server.stop():
                self._course.broken.append(f"Told to stop, the server ended with status {status}.")
        except TimeoutError:
            self._course.broken.append("Told to stop, the server did not end.")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._stop.wait()
        except TimeoutError:
            pass

    async def _sample(self, phase: str) -> None:
        if self.stage is None:
            return
        for server in self.stage.servers:
            if (taken := await sample(server, phase, self.stage.name(server))) is not None:
                self._witness.note(taken)

    async def _sampling(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            if self._phase == "storm" and self._witness.fault is None:
                await self._sample("storm")

    async def _telling(self) -> None:
        while self._tell is not None:
            passed = asyncio.get_running_loop().time() - self._begun if self._begun else 0.0
            self._tell(self._doing, min(1.0, passed / self._plan.seconds), self._witness)
            await asyncio.sleep(TELL_S)
