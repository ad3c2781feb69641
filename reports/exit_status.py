"""How the programs of this package end: with an exit status, and with a message on stderr if a ``BenchError`` was raised."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from bench.foundation.errors import BenchError


def end_with(main: Callable[[], int]) -> NoReturn:
    """Exit with the status that ``main`` returns, or print the ``BenchError`` that it raises and exit with that one's
    status.
    """
    try:
        sys.exit(main())
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
