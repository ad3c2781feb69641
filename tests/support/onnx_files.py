"""ONNX files written by hand, field by field (onnx.proto): one linear layer on flattened inputs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

Field = tuple[int, int | str | bytes]

TYPES = {torch.float32: 1, torch.float64: 11, torch.float16: 10, torch.uint8: 2}
"""``TensorProto.DataType``."""


def varint(value: int) -> bytes:
    """``value`` in groups of seven bits, the lowest first."""
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127)
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]])


def message(*fields: Field) -> bytes:
    """A message of protocol buffers; numbers become varints, everything else fields of known length."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += varint(number << 3) + varint(value)
        else:
            content = value.encode() if isinstance(value, str) else value
            encoded += varint(number << 3 | 2) + varint(len(content)) + content
    return encoded


def tensor(name: str, values: Tensor, external: str | None = None) -> bytes:
    """A TensorProto. external: name of a file beside the model that holds the bytes."""
    head: list[Field] = [(1, size) for size in values.shape]
    head += [(2, TYPES[values.dtype]), (8, name)]
    if external is None:
        return message(*head, (9, values.contiguous().numpy().tobytes()))
    return message(*head, (13, message((1, "location"), (2, external))), (14, 1))


def value_info(name: str, sizes: list[int | str], dtype: torch.dtype) -> bytes:
    """The name, type and shape of an input or output; a size that is a text is left open."""
    dims: list[Field] = [(1, message((1, size) if isinstance(size, int) else (2, size))) for size in sizes]
    return message((1, name), (2, message((1, message((1, TYPES[dtype]), (2, message(*dims)))))))


def write_linear(
    path: Path,
    weight: Tensor,
    shape: tuple[int, ...],
    *,
    batch: int | str = "N",
    dtype: torch.dtype = torch.float32,
    outputs: tuple[str, ...] = ("logits",),
    external: str | None = None,
    inputs: int = 1,
) -> Path:
    """``logits = flatten(image) @ weight.T`` for images of ``shape``; weight ``(K, D)``.

    batch: of a call, or a name for any. outputs: names for the same logits. external: where the weight lies, if not inside.
    inputs: how many are declared; only the first is used.
    """
    weight = weight.to(dtype)
    if external is not None:
        (path.parent / external).write_bytes(weight.contiguous().numpy().tobytes())
    flatten = message((1, "image"), (2, "flat"), (4, "Flatten"))
    nodes: list[Field] = [(1, flatten)]
    for name in outputs:
        transposed = message((1, "transB"), (3, 1), (20, 2))
        nodes.append((1, message((1, "flat"), (1, "weight"), (2, name), (4, "Gemm"), (5, transposed))))
    declared: list[Field] = [(11, value_info("image", [batch, *shape], dtype))]
    declared += [(11, value_info(f"other{number}", [batch], dtype)) for number in range(inputs - 1)]
    declared += [(12, value_info(name, [batch, len(weight)], dtype)) for name in outputs]
    graph = message(*nodes, (2, "linear"), (5, tensor("weight", weight, external)), *declared)
    path.write_bytes(message((1, 8), (8, message((2, 17))), (7, graph)))
    return path
