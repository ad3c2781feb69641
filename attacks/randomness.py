"""Randomness as a function: every draw depends on (seed, sample id, keys) and nothing else.

A generator that is advanced gives other numbers when the batch size, the order of
the samples or the number of shards changes, and then a result cannot be resumed or
compared. Here a draw is a hash (splitmix64, Steele et al., OOPSLA 2014) of its key,
so it is the same on any device, in any batch, in any order.

Layers that draw during ``forward`` (Poisson encoders, stochastic gates) call
:func:`uniform_like`; inside :func:`drawing` it answers from a keyed stream, outside
from torch's global generator, as any stochastic layer would in training.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MULTIPLY_1 = _signed(0xBF58476D1CE4E5B9)
_MULTIPLY_2 = _signed(0x94D049BB133111EB)
# Numbers that a CPU hashes at a time: 128 kB of int64. 2 million numbers in one piece take 45 ms of a core, in blocks 11 ms.
_BLOCK = 16384


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64 (torch's own shift is arithmetic)."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    """The finaliser of splitmix64 on an int64 tensor, which it overwrites; products wrap modulo 2**64."""
    x.bitwise_xor_(_shift(x, 30)).mul_(_MULTIPLY_1)
    x.bitwise_xor_(_shift(x, 27)).mul_(_MULTIPLY_2)
    return x.bitwise_xor_(_shift(x, 31))


@dataclass(frozen=True)
class KeyedRng:
    """One stream of random numbers per row.

    keys: ``(n,)`` int64, a hash of everything folded in so far.
    """

    keys: Tensor

    @classmethod
    def of(cls, seed: int, ids: Tensor) -> KeyedRng:
        """Streams for the samples ``ids`` ``(n,)`` int64 under an integer ``seed``."""
        base = torch.full_like(ids, _signed(seed))
        return cls(_mix(_mix(base + _GOLDEN) ^ (ids.to(torch.int64) * _GOLDEN)))

    def fold(self, *parts: int | str | Tensor) -> KeyedRng:
        """New streams that also depend on ``parts``: names, integers, or ``(n,)`` int64 tensors."""
        keys = self.keys
        for part in parts:
            value = zlib.crc32(part.encode()) if isinstance(part, str) else part
            keys = _mix((keys ^ (value * _GOLDEN if isinstance(value, Tensor) else _signed(value * _GOLDEN))) + _GOLDEN)
        return KeyedRng(keys)

    def rows(self, index: Tensor) -> KeyedRng:
        """The streams of the rows ``index`` ``(m,)``."""
        return KeyedRng(self.keys[index])

    def uniform(self, *shape: int) -> Tensor:
        """``(n, *shape)`` float32 in (0, 1): 23 random bits, centred in their cell (24 may round to 1)."""
        count = math.prod(shape)
        counter = torch.arange(1, count + 1, device=self.keys.device) * _GOLDEN
        drawn = torch.empty(len(self.keys), count, device=self.keys.device)
        at_once = self.keys.is_cuda or torch.compiler.is_compiling()
        rows, cells = (len(self.keys), count) if at_once else (max(1, _BLOCK // max(1, count)), _BLOCK)
        for row in range(0, len(self.keys), max(1, rows)):
            for cell in range(0, count, max(1, cells)):
                bits = _mix(self.keys[row : row + rows, None] + counter[cell : cell + cells])
                drawn[row : row + rows, cell : cell + cells] = _shift(bits, 41)
        return drawn.add_(0.5).mul_(2.0**-23).view(len(self.keys), *shape)

    def normal(self, *shape: int) -> Tensor:
        """``(n, *shape)`` float32, standard normal, by inverting the distribution function."""
        return torch.erfinv(self.uniform(*shape).mul_(2).sub_(1)).mul_(math.sqrt(2))

    def integers(self, high: int) -> Tensor:
        """``(n,)`` int64 in ``[0, high)``."""
        return (self.uniform(1)[:, 0] * high).to(torch.int64).clamp_max(high - 1)


_stream: ContextVar[KeyedRng | None] = ContextVar("stream of the stochastic layers", default=None)


@contextmanager
def drawing(rng: KeyedRng | None) -> Iterator[None]:
    """Let stochastic layers draw from ``rng``, whose rows are the rows of the batch."""
    token = _stream.set(rng)
    try:
        yield
    finally:
        _stream.reset(token)


def streams_of(x: Tensor) -> KeyedRng:
    """The streams of the rows of ``x`` ``(n, ...)``, for a stochastic layer that draws in a kernel of its own.

    Outside of :func:`drawing` they are keyed by torch's global generator. Raises ``ValueError`` as :func:`uniform_like`.
    """
    rng = _stream.get()
    if rng is None:
        return KeyedRng(torch.randint(-(2**63), 2**63 - 1, (len(x),), device=x.device))
    if len(rng.keys) != len(x):
        raise ValueError(f"the keyed context has {len(rng.keys)} rows, the batch has {len(x)}")
    return rng


def uniform_like(x: Tensor, *, draws: int, layer: str) -> Tensor:
    """``(draws, n, ...)`` uniform numbers for a stochastic layer fed with ``x`` ``(n, ...)``.

    layer: a name, so that two layers of one network draw different numbers.
    Raises ``ValueError`` inside :func:`drawing` if the batch has another number of rows than its streams.
    """
    if _stream.get() is None:
        return torch.rand((draws, *x.shape), dtype=x.dtype, device=x.device)
    return streams_of(x).fold(layer).uniform(draws, *x.shape[1:]).transpose(0, 1).to(x)
