"""A process that dies at a chosen moment of its writing, as one does that is killed or loses power."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

DEAD = 9


def killed_before(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process of its own that dies before its rename or removal number ``step``; whether it ended first."""
    child = os.fork()
    if not child:
        try:
            _die_before(step)
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, DEAD), "the work itself failed"
    return status == 0


def _die_before(step: int) -> None:
    left = [step]

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def counting(*arguments: object, **named: object) -> object:
            if left[0] == 0:
                os._exit(DEAD)
            left[0] -= 1
            return call(*arguments, **named)

        return counting

    for name in ("replace", "rename", "unlink", "rmdir"):
        setattr(Path, name, counted(getattr(Path, name)))
        setattr(os, name, counted(getattr(os, name)))
