"""What went wrong in a user's own code, in words: the exception, the line of theirs that raised it, and what may help."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path

import torch

_SHAPES = re.compile(
    r"shapes? cannot be multiplied|expected input|size mismatch|must match the size|is invalid for input|Expected \dD"
    r"|Given groups=|normalized_shape|expected \d+D|channels|could not be broadcast|size of tensor|same number of dimensions"
    r"|Kernel size|must have same reduction dim",
    re.IGNORECASE,
)
_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|DefaultCPUAllocator|not enough memory", re.IGNORECASE)

_SUITE = Path(__file__).resolve().parents[2]
_NOT_OWN = (
    *(_SUITE / name for name in ("attacks", "zoo", "bench", "reports")),
    Path(sysconfig.get_path("stdlib")).resolve(),
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a tensor did not fit into memory, on any device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(error)))


def first_line(error: BaseException) -> str:
    """``Kind: first line of the message``, without a stop at its end."""
    reason = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__


def failure(error: BaseException, folder: Path | None, *, otherwise: str) -> tuple[str, str]:
    """What happened, and the likeliest remedy. folder: of the user's own code; otherwise: the remedy if nothing is known."""
    place = own_line(error, folder)
    what = first_line(error) + (f", at {place}" if place else "")
    return what, _remedy(error) or otherwise


def own_line(error: BaseException, folder: Path | None) -> str | None:
    """``file:line: code`` of the last line of a traceback that is the user's own, if there is one."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{Path(error.filename).name}:{error.lineno}: {(error.text or '').strip()}".rstrip(": ")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_own(frame.filename, folder):
            return f"{Path(frame.filename).name}:{frame.lineno}: {frame.line or ''}".rstrip(": ")
    return None


def _is_own(name: str, folder: Path | None) -> bool:
    """Whether a file is the user's: neither of the suite, nor of Python, nor installed."""
    path = Path(name).resolve()
    if name.startswith("<") or "site-packages" in path.parts or any(path.is_relative_to(place) for place in _NOT_OWN):
        return False
    return folder is None or path.is_relative_to(folder.resolve())


def _remedy(error: BaseException) -> str | None:
    if isinstance(error, ModuleNotFoundError):
        return f"Install {error.name}, or put {str(error.name).partition('.')[0]}.py beside the file."
    if isinstance(error, TypeError) and "required positional argument" in str(error):
        return "It is called without arguments: give them defaults."
    if is_out_of_memory(error):
        return "Give a smaller --batch."
    if isinstance(error, FileNotFoundError):
        return "Name files relative to the file's own folder: Path(__file__).parent."
    if isinstance(error, RuntimeError | ValueError) and _SHAPES.search(str(error)):
        return "Let forward(x) take images of this shape, or choose other data."
    if "scalar type" in str(error) or "dtype" in str(error):
        return "Images arrive as float32: convert them in forward(x), or the weights to float32."
    if "same device" in str(error):
        return "Create tensors on the device of x, or register them as buffers."
    if isinstance(error, NameError | AttributeError | SyntaxError | KeyError | ImportError | UnboundLocalError):
        return "Correct that line."
    return None
