"""Versions of papers: list, make and delete them, and go back to one. None needs a join, nor that the paper is open."""

from madang.core.timestamps import moment
from madang.core.versions import Version
from madang.protocol.native import commands as c
from madang.protocol.native.answers import (
    UnchangedAnswer,
    VersionAnswer,
    VersionInfo,
    VersionsAnswer,
    WrittenAnswer,
)
from madang.transports.native.session import Session


def versions(session: Session, m: c.Versions) -> None:
    """Read the versions of a paper."""

    async def read() -> VersionsAnswer:
        found = await session.node.versions.page(session.actor(), m.paper, bucket=session.bucket)
        return VersionsAnswer(versions=[_info(version) for version in found])

    session.later(m.n, read)


def create(session: Session, m: c.CreateVersion) -> None:
    """Make a version."""

    async def work() -> VersionAnswer:
        made = await session.node.versions.create(session.actor(), m.paper, m.title, bucket=session.bucket)
        return VersionAnswer(version=_info(made))

    session.later(m.n, work)


def restore(session: Session, m: c.Restore) -> None:
    """Go back to a version, and answer when that is stored."""

    async def work() -> WrittenAnswer | UnchangedAnswer:
        seq = await session.node.versions.go_back(session.actor(), m.paper, m.version, bucket=session.bucket)
        return WrittenAnswer(seq=seq, ack=session.node.appender.ack) if seq else UnchangedAnswer()

    session.later(m.n, work)


def delete(session: Session, m: c.DeleteVersion) -> None:
    """Delete a version."""

    async def work() -> VersionAnswer:
        return VersionAnswer(version=_info(await session.node.versions.delete(session.actor(), m.paper, m.version)))

    session.later(m.n, work)


def _info(version: Version) -> VersionInfo:
    return VersionInfo(
        version=version.number,
        cause=version.cause,
        title=version.title,
        user=version.user,
        at=moment(version.at_ms),
        size=version.size,
    )
