"""Safetensors in memory, read by one function that refuses by length before it allocates."""

from __future__ import annotations

import json

from torch import Tensor

MOST_HEADER = 2**22
"""Bytes of the header: names, types and shapes of some 40,000 tensors. One of 60 MB costs 1.6 GB to parse."""
LENGTH = 8
"""Bytes before the header, which hold its length, little-endian."""


def header_problem(beginning: bytes, size: int, most: int = MOST_HEADER) -> str | None:
    """What is wrong with the first nine bytes of a file of ``size`` bytes, as a clause; None if nothing is."""
    header = int.from_bytes(beginning[:LENGTH], "little")
    if len(beginning) <= LENGTH or header > size - LENGTH or beginning[LENGTH : LENGTH + 1] != b"{":
        return "it is not safetensors"
    return f"its header is longer than {most} bytes" if header > most else None


def parse_tensors(content: bytes, most: int = MOST_HEADER) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    most: bytes that its header may have. Raises ``ValueError``, whose text is a clause, for anything else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    if problem := header_problem(content[: LENGTH + 1], len(content), most):
        raise ValueError(problem)
    try:
        return load(content)
    except SafetensorError as error:
        raise ValueError(f"it is not a readable safetensors file: {str(error).partition(chr(10))[0][:200]}") from error
    except (KeyError, TypeError, RuntimeError, OverflowError, RecursionError) as error:
        raise ValueError("it holds tensors of a kind that cannot be read") from error


def stated_in(content: bytes) -> dict[str, str]:
    """What the header of a safetensors file says beside its tensors. content: one that :func:`parse_tensors` reads."""
    length = int.from_bytes(content[:LENGTH], "little")
    stated: dict[str, str] | None = json.loads(content[LENGTH : LENGTH + length]).get("__metadata__")
    return stated or {}
