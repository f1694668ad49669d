"""WebKitGTK, the family of Safari, by WebDriver: on a screen and a session bus of its own, started and ended with it; and ibus-hangul in it."""

import os
import secrets
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium import webdriver
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.daemons import missing

_BROWSER = "MiniBrowser"
PATIENCE_S = 30.0


def _mini_browser() -> str:
    found = sorted(Path("/usr/lib").glob(f"*/webkit2gtk-4.1/{_BROWSER}"))
    return str(found[0]) if found else missing("WebKitGTK is not installed; run scripts/install-browsers as root")


@contextmanager
def webkit() -> Iterator[webdriver.WebKitGTK]:
    """Run a WebKitGTK for as long as the context lasts."""
    with _screen() as display, _bus() as bus, _opened(_environment(display, bus, LANG="en_US.UTF-8")) as browser:
        yield browser


Press = Callable[..., None]


@contextmanager
def hangul() -> Iterator[tuple[webdriver.WebKitGTK, Press]]:
    """Run a WebKitGTK that is typed into through ibus-hangul, by what presses the keys of a Korean keyboard."""
    for needed in ("ibus-daemon", "xdotool", "openbox", "gsettings"):
        if shutil.which(needed) is None:
            missing(f"{needed} is not installed; run scripts/install-browsers as root")
    with _screen() as display, _bus() as bus, TemporaryDirectory() as home:
        environment = _environment(
            display,
            bus,
            LANG="C.UTF-8",
            HOME=home,
            XDG_CONFIG_HOME=home,
            GSETTINGS_BACKEND="keyfile",
            GTK_IM_MODULE="ibus",
        )
        set_mode = ["gsettings", "set", "org.freedesktop.ibus.engine.hangul", "initial-input-mode", "hangul"]
        subprocess.run(set_mode, env=environment, check=True)
        with _running("openbox", environment), _running("ibus-daemon", environment, "-x", "--panel", "disable"):
            _until("ibus", "engine", "hangul", environment=environment)
            with _opened(environment) as browser:

                def press(*keys: str) -> None:
                    subprocess.run(["xdotool", "key", "--delay", "60", *keys], env=environment, check=True)

                yield browser, press


def _environment(display: str, bus: str, **more: str) -> dict[str, str]:
    return {
        **os.environ, "DISPLAY": display, "DBUS_SESSION_BUS_ADDRESS": bus, "NO_AT_BRIDGE": "1",
        "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # it asks for rights that a container does not have
        **more,
    }  # fmt: skip


@contextmanager
def _opened(environment: dict[str, str]) -> Iterator[webdriver.WebKitGTK]:
    options = Options()
    options.binary_location = _mini_browser()
    options.add_argument("--automation")
    driver = shutil.which("WebKitWebDriver") or missing(
        "WebKitWebDriver is not installed; run scripts/install-browsers"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of selenium's own
        browser = webdriver.WebKitGTK(options=options, service=Service(driver, env=environment))
    try:
        yield browser
    finally:
        browser.quit()


@contextmanager
def _running(program: str, environment: dict[str, str], *arguments: str) -> Iterator[None]:
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig=KILL", program, *arguments],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        _end(process)


def _until(*command: str, environment: dict[str, str]) -> None:
    """Run a command until it succeeds."""
    end = time.monotonic() + PATIENCE_S
    while subprocess.run(command, env=environment, capture_output=True).returncode:
        assert time.monotonic() < end, f"{' '.join(command)} does not succeed"


@contextmanager
def _screen() -> Iterator[str]:
    for needed in ("Xvfb", "dbus-daemon"):
        if shutil.which(needed) is None:
            missing(f"{needed} is not installed; run scripts/install-browsers as root")
    reading, writing = os.pipe()
    screen = subprocess.Popen(
        ["setpriv", "--pdeathsig=KILL", "Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield f":{told.readline().strip()}"
    finally:
        _end(screen)


@contextmanager
def _bus() -> Iterator[str]:
    address = f"unix:abstract=madang-{secrets.token_hex(8)}"
    bus = subprocess.Popen(
        ["setpriv", "--pdeathsig=KILL", "dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield address
    finally:
        _end(bus)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait()
