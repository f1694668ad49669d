"""Versions of papers: what is asked about them, and what is done with one."""

from madang.core.bounds import PaperId, Title, VersionNumber
from madang.protocol.native.commands.command import Command


class Versions(Command):
    """Ask for the versions of a paper, the newest first."""

    paper: PaperId


class CreateVersion(Command):
    """Keep what a paper says now as a version."""

    paper: PaperId
    title: Title


class Restore(Command):
    """Go back to a version: the paper says again what it said then."""

    paper: PaperId
    version: VersionNumber


class DeleteVersion(Command):
    """Delete a version of a paper (the own ones; moderators)."""

    paper: PaperId
    version: VersionNumber
