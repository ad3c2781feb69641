"""Compiles the Triton kernels for a GPU that need not be there, and prints what it found about each, as JSON.

The interpreter takes Python that the compiler refuses. Run in a process of its own, as Triton either interprets or compiles.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from attacks.gradients import triton_loops
from attacks.gradients.on_gpu import FAMILIES
from zoo.spiking import triton_fire

H100 = GPUTarget("cuda", 90, 32)
FLOATS = {"decay", "th", "per_th", "width", "start", "beta1", "beta2", "w"}
TENSORS = {"grad", "potential", "out", "slopes", "current", "spikes", "pooled", "x"}
OTHERS = {"centre": "*fp32", "spread": "*fp32", "rows": "*i64", "heads": "*i64", "following": "*i64", "last": "i64"}


def instructions(kernel: Any, dtype: str, **choices: Any) -> str:
    """The machine code, as text, of a kernel for addresses and sizes that are multiples of 16."""
    signature = {
        name: "constexpr"
        if name in choices
        else OTHERS.get(name, f"*{dtype}" if name in TENSORS else "fp32" if name in FLOATS else "i32")
        for name in kernel.arg_names
    }
    aligned = {
        (number,): [["tt.divisibility", 16]]
        for number, name in enumerate(kernel.arg_names)
        if name not in choices and name not in FLOATS
    }
    constants = {(kernel.arg_names.index(name),): value for name, value in choices.items()}
    source = ASTSource(kernel, signature, constants, aligned)
    return str(triton.compile(source, target=H100, options={"enable_fp_fusion": False}).asm["ptx"])


def main() -> None:
    """Every kernel, in float32 and bfloat16: how many fused roundings, and whether it reads 16 bytes at a time."""
    lines = []
    flat = {"STEPS": 4, "HARD": True, "BLOCK": 1024}
    window = {"SIZE": 2, "PLACES": 4, "BLOCK": 256}
    back = {"ATTACHED": True, "SUMMED": False}
    for dtype in ("fp32", "bf16"):
        kernels: list[tuple[Any, dict[str, Any]]] = [
            (triton_loops.add_one, {}),
            (triton_fire.fire, {**flat, "KEEP": True}),
            (triton_fire.fire_and_pool, {**flat, "KEEP": False, **window}),
            (triton_loops.through_slopes, {**flat, **back, "HARD": False}),
            (triton_loops.through_adaptive_slopes, {**flat, **back, "LEARN": True, "SIZE": 2}),
            *((triton_loops.through_surrogate, {**flat, **back, "SIZE": 1, "FAMILY": n}) for n in FAMILIES.values()),
        ]
        for kernel, choices in kernels:
            text = instructions(kernel, dtype, **choices)
            wide = "ld.global.v4" in text
            lines.append({"kernel": kernel.fn.__name__, "dtype": dtype, "fused": text.count("fma.rn"), "wide": wide})
    sys.stdout.write(json.dumps(lines))


if __name__ == "__main__":
    main()
