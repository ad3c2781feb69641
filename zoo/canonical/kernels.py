"""Sums in a fixed order, vectorised over output channels alone: the same bits on every processor.

A sum that a library is free to reorder has other last bits under other instruction sets, threads and batch shapes. Here
each output is one chain of additions in one order, and a vector register holds *different* outputs, so that its width
changes nothing. Each product is added by a fused multiply-add, which rounds once and which IEEE 754 fixes to the bit;
processors without one (before 2013) compute the same in software, slowly.

The two loops are emitted as LLVM code, because a compiler that may not reorder a sum keeps its partial results in memory
instead of registers. Measured on one core, 3x3 convolutions of the compact network with 13 to 24% of the inputs active
(256 images): 20.1 ms in oneDNN, 21.1 ms as a plain numba loop, 10.2 ms as :func:`add_events`.

All of them lie in this file, because numba caches what it compiles and does not notice changes in another file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from attacks.gradients.compiled import compiled
from zoo.canonical.emitter import LANES, Emitter

PIXELS = 4
"""Outputs beside each other that :func:`add_pixels` computes at a time, with the same weights."""
FEW = 8
"""Below this number of channels, which images have, listing what is not 0 costs more than it saves. That holds for frames of
events too: of 500 frames of 34 x 34 with 2 channels a 5x5 convolution in steps of 2 takes 5.0 ms on one core, whatever
is active, and 8.7 ms where 5% are listed. The later layers of an event network list their spikes."""


def _events(unit: bool) -> Any:
    """``add_events``, or its form for events that are all 1."""

    @intrinsic
    def add(  # type: ignore[no-untyped-def]
        typing, out, first, bias, weights, rows, values, begins, pixel, kernel, width, shift, line, outputs
    ):
        signature = types.void(out, first, bias, weights, rows, values, begins, pixel, kernel, width, shift, line, outputs)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, signature, args)
            out, first, bias, weights, rows, values, begins, pixel, kernel, width, shift, line, outputs = e.args

            def block(channel: Any, vectors: int) -> None:
                parts = [e.plus(channel, e.number(LANES * i)) for i in range(vectors)]
                sums = e.registers([e.address(bias, part) for part in parts])
                with e.loop(kernel) as ky:
                    corner = e.plus(pixel, e.times(ky, width))
                    tap = e.plus(e.times(ky, line), channel, shift)
                    begin, end = e.integer(begins, corner), e.integer(begins, e.plus(corner, kernel))
                    with e.loop(e.minus(end, begin)) as event:
                        place = e.plus(begin, event)
                        row = e.plus(e.integer(rows, place), tap)
                        value = None if unit else e.everywhere(values, place)
                        for i, variable in enumerate(sums):
                            e.add(variable, e.load(e.address(weights, e.plus(row, e.number(LANES * i)))), value)
                e.write(sums, [e.address(out, e.plus(first, part)) for part in parts])

            e.over_channels(outputs, (10, 8, 6, 4, 2, 1), block)
            return context.get_dummy_value()

        return signature, emit

    return add


add_events = _events(unit=False)
"""``add_events(out, first, bias, weights, rows, values, begins, pixel, kernel, width, shift, line, outputs)``

writes to ``out[first : first + outputs]`` the bias plus what a window of an image contributes: line by line, and over the
events of its pixels in a line, ``value * weights[row + line number * line + shift ...]``.

out, bias, weights: flat float32. rows: int32; values: float32: the events of the image, pixel by pixel, of which those of
pixel p are ``begins[p]`` to ``begins[p + 1]``. pixel: of the window's corner, in an image ``width`` pixels wide.
outputs: a multiple of :data:`LANES`.
"""
add_unit_events = _events(unit=True)
"""As :func:`add_events`, where every value is 1, so that nothing is multiplied."""


def _pixels(together: int) -> Any:
    """``add_pixels`` for so many pixels."""

    @intrinsic
    def add(  # type: ignore[no-untyped-def]
        typing, out, first, bias, weights, image, corner, kernel, line, run, step, outputs
    ):
        signature = types.void(out, first, bias, weights, image, corner, kernel, line, run, step, outputs)

        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            e = Emitter(context, builder, signature, args)
            out, first, bias, weights, image, corner, kernel, line, run, step, outputs = e.args
            each = range(together)

            def block(channel: Any, vectors: int) -> None:
                parts = [e.plus(channel, e.number(LANES * i)) for i in range(vectors)]
                sums = e.registers([e.address(bias, part) for part in parts] * together)
                with e.loop(kernel) as ky, e.loop(run) as j:
                    at = e.plus(corner, e.times(ky, line), j)
                    row = e.times(e.plus(e.times(ky, run), j), outputs)
                    loaded = [e.load(e.address(weights, e.plus(row, part))) for part in parts]
                    for p in each:
                        value = e.everywhere(image, e.plus(at, e.times(e.number(p), step)))
                        for i, weight in enumerate(loaded):
                            e.add(sums[p * vectors + i], weight, value)
                pixels = [e.plus(first, e.times(e.number(p), outputs)) for p in each]
                e.write(sums, [e.address(out, e.plus(pixel, part)) for pixel in pixels for part in parts])

            e.over_channels(outputs, (2, 1), block)
            return context.get_dummy_value()

        return signature, emit

    return add


add_pixels = _pixels(PIXELS)
"""``add_pixels(out, first, bias, weights, image, corner, kernel, line, run, step, outputs)``

writes to :data:`PIXELS` pixels beside each other the bias plus what their windows contribute, zeros included.

out, bias, weights, image: flat float32; the pixels' outputs lie one after the other from ``out[first]`` on. corner: where
the first window begins in the image; the next ones begin ``step`` further each. kernel: lines of a window, ``line`` apart,
of ``run`` values each. outputs: a multiple of :data:`LANES`.
"""
add_pixel = _pixels(1)
"""As :func:`add_pixels`, for one pixel."""


@compiled
def list_events(
    image: np.ndarray[Any, Any],
    rows: np.ndarray[Any, Any],
    values: np.ndarray[Any, Any],
    begins: np.ndarray[Any, Any],
    padding: int,
    outputs: int,
) -> tuple[int, bool]:
    """Write down the values of an image ``(height, width, channels)`` that are not 0, in its memory order.

    rows: column times channels plus channel, times ``outputs``. begins: where each pixel of the padded image begins.
    Returns how many there are, and whether all of them are 1.
    """
    height, width, channels = image.shape
    broad, filled, unit = width + 2 * padding, 0, True
    flat = image.reshape(-1)
    for line in range(height + 2 * padding):
        first, inside, origin = filled, padding <= line < height + padding, (line - padding) * width * channels
        for column in range(broad):
            begins[line * broad + column] = filled
            if inside and padding <= column < width + padding:
                pixel = (column - padding) * channels
                for place in range(pixel, pixel + channels):
                    rows[filled] = place
                    filled += flat[origin + place] != 0
        for event in range(first, filled):
            values[event] = flat[origin + rows[event]]
            unit &= values[event] == 1
            rows[event] = (rows[event] + padding * channels) * outputs
    begins[-1] = filled
    return filled, unit


@compiled
def convolve(
    images: np.ndarray[Any, Any],
    weights: np.ndarray[Any, Any],
    bias: np.ndarray[Any, Any],
    out: np.ndarray[Any, Any],
    stride: int,
    padding: int,
    dense: float,
    low: int,
    high: int,
) -> None:
    """Convolve the images ``low .. high``, each in whichever of the two ways is faster: the bits are the same.

    images: ``(n, height, width, channels)``. weights: ``(kernel, kernel, channels, outputs)``, outputs a multiple of
    :data:`LANES`. bias: ``(outputs,)``. out: ``(n, height', width', outputs)``. dense: the share of values that are not 0
    from which on zeros are multiplied as well.
    """
    height, width, channels = images.shape[1:]
    kernel, outputs = weights.shape[0], weights.shape[3]
    tall, wide = out.shape[1:3]
    broad = width + 2 * padding
    padded = np.zeros((height + 2 * padding, broad, channels), images.dtype)
    area = padded.shape[0] * broad
    entries, step, line = height * width * channels, stride * channels, kernel * channels
    rows, values, begins = np.empty(entries + 1, np.int32), np.empty(entries + 1, images.dtype), np.empty(area + 1, np.int64)
    flat, sums, factors = padded.reshape(-1), out.reshape(-1), weights.reshape(-1)
    row, span = broad * channels, line * outputs
    for n in range(low, high):
        events, unit = channels >= FEW, False
        if events:
            filled, unit = list_events(images[n], rows, values, begins, padding, outputs)
            events = filled < dense * entries
        if not events:
            padded[padding : padding + height, padding : padding + width] = images[n]
        for y in range(tall):
            x = 0
            while x < wide:
                first = ((n * tall + y) * wide + x) * outputs
                pixel, shift = (y * broad + x) * stride, -x * step * outputs
                together = 1 if events or x + PIXELS > wide else PIXELS
                if events and unit:
                    add_unit_events(
                        sums, first, bias, factors, rows, values, begins, pixel, kernel, broad, shift, span, outputs
                    )
                elif events:
                    add_events(sums, first, bias, factors, rows, values, begins, pixel, kernel, broad, shift, span, outputs)
                elif together > 1:
                    add_pixels(sums, first, bias, factors, flat, pixel * channels, kernel, row, line, step, outputs)
                else:
                    add_pixel(sums, first, bias, factors, flat, pixel * channels, kernel, row, line, step, outputs)
                x += together
