"""The page, measured in Chromium: how soon it takes a key on a slow phone, and what 200 messages a second do to it.

    .venv/bin/python -m bench.page                          # about four minutes
    .venv/bin/python -m bench.page --seconds 3 --loads 1    # a look

Chromium and the load share core 1, the server has core 0. Frames are told by the gaps between animation frames, of an idle second and a busy
one in the same page: ratios hold, absolute figures are the machine's.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from bench.report import table
from bench.server import SERVER_CORE, madang
from bench.tools import BENCH
from madang.client import connect

ROOM: Final = "lobby"
SENDERS: Final = 4
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 360, "height": 740},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
NETWORK: Final = {"offline": False, "latency": 85, "downloadThroughput": 9e6 / 8, "uploadThroughput": 9e6 / 8}
WORDS: Final = (
    "오늘 회의는 세 시입니다",
    "네",
    "Sounds good",
    "확인했습니다. 고맙습니다",
    "https://madang.example/b에서 봅시다",
    "👍",
)

_USABLE: Final = """
window.usable = new Promise((done) => {
  const look = () => {
    const box = document.querySelector("BOX");
    if (box && !box.disabled && box.getClientRects().length) done(performance.now());
    else requestAnimationFrame(look);
  };
  look();
});
"""
"""Resolves in the frame in which the box is there."""

_FRAMES: Final = """
async (ms) => {
  const log = document.querySelector("[role=log]");
  const gaps = [];
  let [long, rows, moved, last] = [0, 0, 0, performance.now()];
  const tasks = new PerformanceObserver((list) => { long = Math.max(long, ...list.getEntries().map((task) => task.duration)); });
  tasks.observe({ type: "longtask" });
  const keys = [];
  const events = new PerformanceObserver((list) => {
    for (const event of list.getEntries()) if (event.name === "keydown") keys.push(event.duration);
  });
  events.observe({ type: "event", durationThreshold: 16 });
  const up = log.scrollHeight - log.scrollTop - log.clientHeight > 10;
  const row = [...log.querySelectorAll("article")].find((each) => each.getBoundingClientRect().top > log.getBoundingClientRect().top);
  const at = row?.getBoundingClientRect().top;
  const end = last + ms;
  while (last < end) {
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
    rows = Math.max(rows, log.querySelectorAll("article").length);
    if (up) moved = Math.max(moved, row.isConnected ? Math.abs(row.getBoundingClientRect().top - at) : 9999);
  }
  tasks.disconnect();
  events.disconnect();
  gaps.sort((a, b) => a - b);
  keys.sort((a, b) => a - b);
  return { p95: gaps[Math.floor(gaps.length * 0.95)], long, rows, moved, up, keys: keys[Math.floor(keys.length * 0.98)] ?? 16 };
}
"""
"""Watch for a while: gaps between frames, the longest task, rows, how far the topmost row moved, and what keys took (16 ms: less than that)."""


async def usable(browser: Browser, url: str, state: Any, throttle: float) -> float:
    """Return the milliseconds until the box takes a key, with nothing in the cache: of the room for somebody known, else of the door."""
    context = await browser.new_context(**PHONE, **({"storage_state": state} if state else {}))
    page = await context.new_page()
    cdp = await context.new_cdp_session(page)
    await cdp.send("Emulation.setCPUThrottlingRate", {"rate": throttle})
    await cdp.send("Network.enable")
    await cdp.send("Network.emulateNetworkConditions", NETWORK)
    await page.add_init_script(_USABLE.replace("BOX", "textarea" if state else "form input"))
    await page.goto(f"{url}/r/{ROOM}")
    ms: float = await page.evaluate("window.usable")
    await context.close()
    return ms


async def enter(context: BrowserContext, url: str) -> Page:
    """Sign somebody in, and show the room."""
    page = await context.new_page()
    await page.goto(f"{url}/r/{ROOM}")
    await page.locator("form input").fill("Mina")
    await page.keyboard.press("Enter")
    await page.locator("textarea").wait_for()
    return page


@asynccontextmanager
async def talk(url: str, rate: float) -> AsyncIterator[None]:
    """Have people say `rate` messages a second between them."""
    chance = random.Random(9)  # no secret

    async def one(number: int) -> None:
        async with connect(url.replace("http", "ws") + "/ws", guest=f"Sender {number}") as client:
            room = await client.join(ROOM)
            loop = asyncio.get_running_loop()
            due = loop.time()
            async with asyncio.TaskGroup() as sends:
                while True:
                    sends.create_task(room.send(" ".join(chance.choices(WORDS, k=chance.randint(1, 8)))))
                    due += SENDERS / rate
                    await asyncio.sleep(due - loop.time())

    senders = [asyncio.create_task(one(number)) for number in range(SENDERS)]
    try:
        yield
    finally:
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)


async def watched(page: Page, seconds: float, *, typing: bool = False) -> dict[str, float]:
    """Return what a while was like; `typing`: while somebody writes."""
    watching = asyncio.ensure_future(page.evaluate(_FRAMES, seconds * 1000))
    if typing:
        await page.locator("textarea").focus()
        while not watching.done():
            await page.keyboard.press("a")
            await asyncio.sleep(0.05)
        await page.locator("textarea").fill("")
    seen: dict[str, float] = await watching
    return seen


async def measure(url: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures."""
    async with async_playwright() as playwright:
        program = shutil.which("chromium") or "chromium"
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=program, args=as_root)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        page = await enter(context, url)
        state = await context.storage_state()
        loads = {
            name: [await usable(browser, url, known, options.throttle) for _ in range(options.loads)]
            for name, known in (("door", None), ("room", state))
        }
        async with talk(url, options.rate):  # so that there is a past to scroll to
            await asyncio.sleep(options.seconds)
        idle = await watched(page, options.seconds)
        async with talk(url, options.rate):
            bottom = await watched(page, options.seconds)
            typed = await watched(page, options.seconds, typing=True)
            await page.mouse.move(640, 300)  # over the list
            await page.mouse.wheel(0, -3000)
            await page.wait_for_function("document.querySelector('.pill') !== null")
            await page.evaluate(
                "() => new Promise((done) => setTimeout(done, 1000))"
            )  # rows around it are measured, older ones come
            up = await watched(page, options.seconds)
        rows = 0.0
        for _ in range(options.screens):
            await page.mouse.wheel(0, -800)
            rows = max(rows, (await watched(page, 0.1))["rows"])
        await browser.close()
    return {"loads": loads, "idle": idle, "bottom": bottom, "typed": typed, "up": up, "rows": rows}


def lines(figures: dict[str, Any], rate: float) -> list[Sequence[str]]:
    """Return the table's lines: what, figure, budget."""
    idle, bottom, typed, up = (figures[name] for name in ("idle", "bottom", "typed", "up"))
    return [
        *(
            (f"{name}: until its box takes a key, slow phone, cold", f"{statistics.median(each):.0f} ms", "≤ 1,000 ms")
            for name, each in figures["loads"].items()
        ),
        ("idle: p95 between frames", f"{idle['p95']:.1f} ms", ""),
        (f"{rate:.0f} msg/s, at the newest", f"{bottom['p95']:.1f} ms, {bottom['p95'] / idle['p95']:.2f} ×", "≤ 1.5 ×"),
        (f"{rate:.0f} msg/s, scrolled up", f"{up['p95']:.1f} ms, {up['p95'] / idle['p95']:.2f} ×", "≤ 1.5 ×"),
        ("the longest task meanwhile", f"{max(bottom['long'], up['long']):.0f} ms", "≤ 50 ms"),
        ("what was read moved by, scrolled up", f"{up['moved']:.0f} px", "0 px"),
        ("p98 of a key until it is painted", f"{typed['keys']:.0f} ms", "≤ 50 ms"),
        ("most rows in the document", f"{max(bottom['rows'], up['rows'], figures['rows']):.0f}", "≤ 64"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="how long each state is watched")
    parser.add_argument("--rate", type=float, default=200, help="messages a second")
    parser.add_argument("--loads", type=int, default=5, help="cold loads, of which the median is told")
    parser.add_argument("--throttle", type=float, default=4, help="how many times slower the phone is")
    parser.add_argument("--screens", type=int, default=40, help="how far to scroll back, in screens")
    parser.add_argument("--name", default="local-page", help="results/NAME.json")
    options = parser.parse_args()
    cores = os.sched_getaffinity(0) - {SERVER_CORE}
    with tempfile.TemporaryDirectory() as scratch, madang(Path(scratch)) as server:
        if cores:
            os.sched_setaffinity(0, cores)
        figures = asyncio.run(measure(f"http://127.0.0.1:{server.port}", options))
    (BENCH / f"results/{options.name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(table(("what", "measured", "budget"), lines(figures, options.rate)))


if __name__ == "__main__":
    main()
