"""One allocator setting that pays for itself.

Networks over time make and drop tensors of tens of megabytes at every layer. glibc
returns each to the kernel and maps fresh, zeroed pages for the next. Keeping freed
memory makes the attack loop of the compact network faster at the price of a
resident set that does not shrink; ``make speed`` measures both.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory. Returns whether it was told (False off Linux or glibc)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
