"""Sends what a user's model prints to standard error, so that standard output holds results only."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def printing_to_stderr() -> Iterator[None]:
    """Inside the block, standard output is standard error: for Python, for libraries in C, and for child processes."""
    sys.stdout.flush()
    with _same_descriptor(), contextlib.redirect_stdout(sys.stderr):
        yield


@contextmanager
def _same_descriptor() -> Iterator[None]:
    try:
        standard_output = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of them is closed
        yield
        return
    try:
        yield
    finally:
        os.dup2(standard_output, 1)
        os.close(standard_output)
