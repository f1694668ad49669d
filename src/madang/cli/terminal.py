"""The terminal of `madang chat`: lines typed at the bottom, lines told above them, both at once.

Where stdin or stdout is not a terminal (a pipe, a file), lines are read and written plainly.
"""

import asyncio
import codecs
import os
import shutil
import termios
import tty
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TextIO

from madang.cli.editor import Editor

WAITING_LINES: Final = 100  # read and not taken yet; beyond them stdin is left alone
_CHUNK: Final = 4096


class Terminal:
    """Lines in, lines out. To be used inside `open()`."""

    def __init__(self, stdin: TextIO, stdout: TextIO) -> None:
        self.interactive = stdin.isatty() and stdout.isatty()
        self.colour = stdout.isatty() and not os.environ.get("NO_COLOR")
        self._in = stdin.fileno()
        self._out = stdout
        self._editor = Editor()
        self._plain = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""  # a plain line that has not ended yet
        self._lines: deque[str | None] = deque()  # None: the end
        self._arrived = asyncio.Event()
        self._open = False
        self._reading = False
        self._watched = True  # False for regular files, which no loop can watch, and which never keep one waiting

    @contextmanager
    def open(self) -> Iterator[None]:
        """Read until left, and leave the terminal as it was."""
        before = termios.tcgetattr(self._in) if self.interactive else None
        if before is not None:
            tty.setcbreak(self._in, termios.TCSANOW)  # keys come one by one, those pressed already too
        try:
            self._open = True
            self._write(self._view())
            self._read_on()
            yield
        finally:
            self._open = False
            self._stop()
            if before is not None:
                self._write("\r\x1b[K")
                with suppress(termios.error):  # the terminal is gone
                    termios.tcsetattr(self._in, termios.TCSADRAIN, before)

    async def line(self) -> str | None:
        """Return the next line; None at the end of input, again and again."""
        while not self._lines:
            self._arrived.clear()
            await self._arrived.wait()
        if self._lines[0] is None:
            return None
        line = self._lines.popleft()
        if len(self._lines) < WAITING_LINES and (not self._lines or self._lines[-1] is not None):
            self._read_on()
        return line

    def show(self, text: str) -> None:
        """Tell a line, above the one being typed."""
        self._write(f"\r\x1b[K{text}\n{self._view()}" if self.interactive else f"{text}\n")

    def _view(self) -> str:
        return self._editor.view(shutil.get_terminal_size().columns) if self.interactive and self._open else ""

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:  # the terminal is gone, or who read the pipe: there is nobody to talk for
            self._lines.append(None)
            self._arrived.set()
            self._stop()

    # -- reading -------------------------------------------------------------------------------------------------------

    def _read_on(self) -> None:
        if self._reading:
            return
        self._reading = True
        loop = asyncio.get_running_loop()
        try:
            if self._watched:
                loop.add_reader(self._in, self._readable)
        except (OSError, RuntimeError):
            self._watched = False
        if not self._watched:
            loop.call_soon(self._readable)

    def _stop(self) -> None:
        if self._reading and self._watched:
            asyncio.get_running_loop().remove_reader(self._in)
        self._reading = False

    def _readable(self) -> None:
        if not self._reading:
            return
        try:
            data = os.read(self._in, _CHUNK)
        except OSError:  # the terminal is gone
            data = b""
        if self.interactive:
            self._lines.extend(self._editor.feed(data))
            over = not data or self._editor.over
        else:
            *lines, self._rest = (self._rest + self._plain.decode(data, final=not data)).split("\n")
            over = not data
            if over and self._rest:
                lines.append(self._rest)
            self._lines.extend(line.removesuffix("\r") for line in lines)
        if over:
            self._lines.append(None)
        self._arrived.set()
        if over or len(self._lines) >= WAITING_LINES:
            self._stop()
        elif not self._watched:
            asyncio.get_running_loop().call_soon(self._readable)
        if self.interactive:
            self._write(self._view())
