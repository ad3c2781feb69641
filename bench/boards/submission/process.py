"""A running isolated process: asked through a pipe, watched while it answers, killed with all its descendants in the end."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, cast

from bench.boards.submission.control_group import control_group
from bench.boards.submission.frames import LENGTHS, SHORT, Frame, lengths, unpacked
from bench.boards.submission.namespaces import Limits, choose, command, program
from bench.boards.submission.watchdog import Watchdog, descendants, too_much_memory
from bench.foundation.errors import IsolationError
from bench.foundation.escaping import one_line

if TYPE_CHECKING:
    from torch import Tensor

LOOK = 0.05
"""Seconds between two looks of the watchdog while an answer is awaited."""
KEPT = 4096
"""Bytes of its error output that are kept, and shown if it dies."""


class Sandbox:
    """An isolated process that answers frames.

    folder: what it sees as ``/input``. tool, words: how it is isolated and what is started, if not the usual.

    Raises ``IsolationError`` if foreign code cannot be isolated here, and from :meth:`ask` if it broke
    a limit, died, or answered nonsense.
    """

    def __init__(self, folder: Path, limits: Limits, *, tool: str | None = None, words: list[str] | None = None) -> None:
        self.limits = limits
        started = command(tool or choose(), folder, limits, words or program())
        self._group = control_group(limits)
        if self._group is not None:
            started = self._group.command(started)
        pipe = subprocess.PIPE
        # The pipe's ends are given to the program alone; whatever foreign code prints goes to the error output.
        self._process = subprocess.Popen(started, stdin=pipe, stdout=pipe, stderr=pipe, close_fds=True, env={})
        self._watchdog = Watchdog(self._process.pid, limits, self._group)
        self._said = b""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            os.set_blocking(cast(IO[bytes], stream).fileno(), False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()
        if self._group is not None:
            self._group.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # what was not yet written has no reader any more
                cast(IO[bytes], stream).close()

    def ask(
        self, operation: str, tensors: dict[str, Tensor] | None = None, *, most: int = SHORT, **parameters: Any
    ) -> Frame:
        """Send one question and wait for its answer. An answer with ``error`` raises that as one sentence.

        most: bytes that the tensors of a proper answer take at most; a longer one is refused before it is read.
        """
        question = Frame({"operation": operation, **parameters}, tensors or {})
        answer = self._exchange(memoryview(question.packed()), most)
        if "error" in answer.head:
            raise IsolationError(f"The code failed: {one_line(answer.head['error'])}.", "Correct the submission's code.")
        return answer

    def _exchange(self, left: memoryview, most: int) -> Frame:
        stdin, stdout, stderr = (
            cast(IO[bytes], stream).fileno() for stream in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        received = bytearray()
        needed = LENGTHS
        looked = 0.0
        with selectors.DefaultSelector() as ready:
            ready.register(stdin, selectors.EVENT_WRITE)
            ready.register(stdout, selectors.EVENT_READ)
            with contextlib.suppress(KeyError, ValueError):
                ready.register(stderr, selectors.EVENT_READ)
            while len(received) < needed:
                for key, _ in ready.select(LOOK):
                    if key.fd == stdin:
                        left = self._written(stdin, left)
                        if not left:
                            ready.unregister(stdin)
                    elif key.fd == stderr:
                        block = os.read(stderr, 65536)
                        self._said = (self._said + block)[-KEPT:]
                        if not block:
                            ready.unregister(stderr)
                    else:
                        block = os.read(stdout, min(2**20, needed - len(received)))
                        if not block:
                            raise self._died()
                        received += block
                        if len(received) == LENGTHS == needed:
                            needed += sum(self._lengths(received, most))
                if time.monotonic() - looked > LOOK:
                    if complaint := self._watchdog.complaint():
                        self.kill()
                        raise _stopped(complaint)
                    looked = time.monotonic()
        head, _ = lengths(bytes(received[:LENGTHS]))
        start, body = bytes(received[LENGTHS : LENGTHS + head]), bytes(received[LENGTHS + head :])
        received.clear()  # so that a long answer is held twice, not three times, while it is unpacked
        try:
            return unpacked(start, body)
        except ValueError as error:
            self.kill()
            raise IsolationError(f"The code's answer cannot be read: {error}.", "Do not write into its pipe.") from error

    def _written(self, stdin: int, left: memoryview) -> memoryview:
        try:
            return left[os.write(stdin, left[: 2**20]) :]
        except BrokenPipeError as error:
            raise self._died() from error

    def _lengths(self, received: bytearray, most: int) -> tuple[int, int]:
        try:
            return lengths(bytes(received), most)
        except ValueError as error:
            self.kill()
            raise IsolationError(f"The code's answer cannot be read: {error}.", "Do not write into its pipe.") from error

    def _died(self) -> IsolationError:
        self.kill()
        if self._group is not None and self._group.ran_out:
            return _stopped(too_much_memory(self.limits))
        with contextlib.suppress(OSError, ValueError):
            self._said = (self._said + (cast(IO[bytes], self._process.stderr).read() or b""))[-KEPT:]
        lines = [line for line in self._said.decode(errors="replace").splitlines() if line.strip()]
        why = one_line(lines[-1]) if lines else f"exit code {self._process.returncode}"
        return IsolationError(f"The code's process ended early ({why}).", "Correct the submission's code.")

    def kill(self) -> None:
        """End the process and, with the first process of its namespace, all its descendants."""
        below = descendants(self._process.pid) if self._process.poll() is None else []
        self._process.kill()
        self._process.wait()
        end = time.monotonic() + 10
        while any(Path(f"/proc/{pid}/root").exists() for pid in below) and time.monotonic() < end:
            time.sleep(0.01)  # the kernel ends a whole namespace at once, but not in an instant


def _stopped(complaint: str) -> IsolationError:
    return IsolationError(f"The code {complaint} and was stopped.", "Make it need less.")
