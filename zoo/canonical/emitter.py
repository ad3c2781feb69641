"""LLVM code for loops whose partial results stay in vector registers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

LANES = 16
"""Floats in a vector, which LLVM splits where registers are shorter. Numbers of output channels are multiples of it."""

_INDEX, _LANE = ir.IntType(64), ir.IntType(32)
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)


class Emitter:
    """Emits the code of one intrinsic. args: its arguments, in order; arrays stand for the address of their data."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        self.builder = builder
        self.args = [
            context.make_array(kind)(context, builder, value=value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, args, strict=True)
        ]

    def plus(self, *terms: Any) -> Any:
        """The sum of integers."""
        total = terms[0]
        for term in terms[1:]:
            total = self.builder.add(total, term)
        return total

    def minus(self, left: Any, right: Any) -> Any:
        """The difference of integers."""
        return self.builder.sub(left, right)

    def times(self, left: Any, right: Any) -> Any:
        """The product of integers."""
        return self.builder.mul(left, right)

    def number(self, value: int) -> Any:
        """A constant integer."""
        return ir.Constant(_INDEX, value)

    def integer(self, array: Any, index: Any) -> Any:
        """``array[index]`` of an integer array."""
        value = self.builder.load(self.builder.gep(array, [index]))
        return value if value.type == _INDEX else self.builder.sext(value, _INDEX)

    @contextmanager
    def loop(self, count: Any) -> Iterator[Any]:
        """The index of a loop from 0 to ``count``."""
        with cgutils.for_range(self.builder, count) as loop:
            yield loop.index

    def address(self, array: Any, index: Any) -> Any:
        """Where the vector begins that starts at ``array[index]``."""
        return self.builder.bitcast(self.builder.gep(array, [index]), _VECTOR.as_pointer())

    def everywhere(self, array: Any, index: Any) -> Any:
        """A vector of copies of ``array[index]``."""
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        value = self.builder.load(self.builder.gep(array, [index]))
        first = self.builder.insert_element(undefined, value, ir.Constant(_LANE, 0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_LANE, LANES), [0] * LANES))

    def load(self, address: Any) -> Any:
        """The vector at an address of any alignment."""
        return self.builder.load(address, align=4)

    def registers(self, addresses: list[Any]) -> list[Any]:
        """Variables that begin with the vectors at ``addresses``; LLVM keeps them in registers."""
        variables = []
        for address in addresses:
            variable = cgutils.alloca_once(self.builder, _VECTOR)
            self.builder.store(self.load(address), variable)
            variables.append(variable)
        return variables

    def add(self, variable: Any, term: Any, factor: Any = None) -> None:
        """Add a vector to a variable, or its product with another vector, rounded once."""
        total = self.builder.load(variable)
        if factor is None:
            self.builder.store(self.builder.fadd(total, term), variable)
            return
        fused = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        fma = cgutils.get_or_insert_function(self.builder.module, fused, f"llvm.fma.v{LANES}f32")
        self.builder.store(self.builder.call(fma, [factor, term, total]), variable)

    def write(self, variables: list[Any], addresses: list[Any]) -> None:
        """Write the variables to ``addresses``."""
        for variable, address in zip(variables, addresses, strict=True):
            self.builder.store(self.builder.load(variable), address, align=4)

    def over_channels(self, channels: Any, widths: tuple[int, ...], emit: Callable[[Any, int], None]) -> None:
        """``emit(first channel, number of vectors)`` for blocks that cover all channels, the widest first."""
        done = cgutils.alloca_once_value(self.builder, self.number(0))
        for width in widths:
            begin = self.builder.load(done)
            size = self.number(LANES * width)
            blocks = self.builder.udiv(self.builder.sub(channels, begin), size)
            with self.loop(blocks) as block:
                emit(self.plus(begin, self.times(block, size)), width)
            self.builder.store(self.plus(begin, self.times(blocks, size)), done)
