"""How the programs of this package end: with an exit status, and with one sentence for whatever the user can mend."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from bench.foundation.errors import BenchError


def end_with(main: Callable[[], int]) -> NoReturn:
    """Leave the process with what ``main`` returns, or with the status of the error it raises, which is told on stderr."""
    try:
        sys.exit(main())
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
