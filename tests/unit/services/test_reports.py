"""Members report messages; moderators are told, look and resolve."""

from uuid import uuid4

import msgspec

from madang.adapters.sql import Store
from madang.core.messages import Content
from madang.core.rate import Bucket, Rate
from madang.core.sanctions import MAX_REASON
from madang.services.limits import Rates
from madang.services.pages import Rows
from madang.services.quotas import Quota, QuotaRates
from madang.services.reports import ShownReported
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.test_rooms import HIDDEN, SHOP, YARD, code
from tests.unit.transports.nodes import running_node

MINA, BORA = user("mina"), user("bora")


def waiting(page: Rows) -> list[ShownReported]:
    """Return the messages of a page."""
    return msgspec.json.decode(bytes(page.text), type=list[ShownReported])


async def said(node: Node) -> int:
    """Let the owner say something; return its seq."""
    standing = await node.posting.standing(OWNER, YARD)
    appended = await node.appender.append(node.posting.send(OWNER, standing, YARD, uuid4().hex, Content(text="hello")))
    assert appended is not None
    return appended.event.seq


async def test_a_report_waits_until_it_is_resolved(node: Node) -> None:
    await node.rooms.enter(MINA, YARD)
    seq = await said(node)
    assert await node.reports.report(MINA, YARD, seq, "spam")
    assert not await node.reports.report(MINA, YARD, seq)
    page = await node.reports.page(OWNER, YARD, 0, 10)
    (reported,), more = waiting(page), page.more
    (report,) = reported.reports
    assert (reported.seq, reported.user, report.user, report.name, report.reason, more) == (
        seq, OWNER.id, MINA.id, MINA.name, "spam", False,
    )  # fmt: skip
    assert await node.reports.resolve(SHOP, YARD, seq) == 0
    assert await code(node.reports.resolve(OWNER, YARD, seq)) == "not_found"
    assert waiting(await node.reports.page(OWNER, YARD, 0, 10)) == []


async def test_who_may_report_and_resolve(node: Node) -> None:
    seq = await said(node)
    for room in (YARD, HIDDEN, "nowhere"):
        assert await code(node.reports.report(BORA, room, seq)) == "not_found"
        assert await code(node.reports.resolve(BORA, room, seq)) == "not_found"
        assert await code(node.reports.page(BORA, room, 0, 10)) == "not_found"
    await node.rooms.enter(MINA, YARD)
    await node.moderation.mute(OWNER, YARD, MINA.id)
    assert await node.reports.report(MINA, YARD, seq), "also while muted"
    assert await code(node.reports.page(MINA, YARD, 0, 10)) == "forbidden"
    assert await code(node.reports.resolve(MINA, YARD, seq)) == "forbidden"
    assert await code(node.reports.report(MINA, YARD, seq, "x" * (MAX_REASON + 1))) == "too_big"
    assert await code(node.reports.report(MINA, YARD, seq, "\u200b")) == "empty"


async def test_reports_are_paid_for(store: Store) -> None:
    async with running_node(store, rates=Rates(user=Rate(0.001, 3), connection=Rate(0.001, 5))) as node:
        seq = await said(node)
        await node.reports.report(OWNER, YARD, seq)
        await node.reports.resolve(OWNER, YARD, seq)
        assert await code(node.reports.report(OWNER, YARD, seq)) == "rate_limited"
        assert await code(node.reports.resolve(OWNER, YARD, seq)) == "rate_limited"
        bucket = Bucket()
        await node.reports.page(OWNER, YARD, 0, 100, bucket=bucket)
        assert await code(node.reports.page(OWNER, YARD, 0, 100, bucket=bucket)) == "rate_limited"
    async with running_node(store, rates=Rates(quotas=QuotaRates(kilobytes=Quota(user=1)))) as node:
        await node.rooms.enter(MINA, YARD)
        assert not await node.reports.report(OWNER, YARD, seq), "a second one costs no quota"
        assert await node.reports.report(MINA, YARD, seq)
        assert await code(node.reports.report(MINA, YARD, seq)) == "quota"
