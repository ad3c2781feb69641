"""Networks as ONNX files, run by onnxruntime: they answer, and have no gradient.

onnxruntime is imported when a file is opened. A file runs on the CPU, with as many threads as torch has, and in batches of
the size that was fixed when it was exported, if one was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

INSTALL = "pip install 'spikebench[onnx]'"

DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
"""Types of input that images in [0, 1] can be handed over as."""

_GRAPH, _INITIALIZER, _LOCATION = 7, 5, 13
"""Numbers of fields: ``ModelProto.graph``, ``GraphProto.initializer`` and ``TensorProto.external_data``."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a file does not say.

    output: name of the output that holds logits or scores; None for the only one. layout: order of the axes of an input
    image; ``nhwc`` has its channels last. task: ``quality`` for scores, one per image, between ``low`` and ``high``.
    lower_is_better: whether a low score is a good one. Raises ``ValueError`` for a scale without two ends.
    """

    output: str | None = None
    layout: Literal["nchw", "nhwc"] = "nchw"
    task: Literal["classification", "quality"] = "classification"
    low: float = 0.0
    high: float = 1.0
    lower_is_better: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")


@dataclass
class _Session:
    """A session of onnxruntime, made at the first call and shared by copies of the network."""

    path: str = field(repr=False)
    running: Any = field(default=None, repr=False)

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.path,)

    def opened(self) -> Any:
        """The session. Raises what onnxruntime raises."""
        if self.running is None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            options.use_deterministic_compute = True
            options.log_severity_level = 3
            self.running = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        return self.running


class OnnxNetwork(nn.Module):
    """Inputs ``(N, ...)`` to whatever the chosen output holds, ``(N, K)`` or ``(N,)``, without a gradient.

    batch: rows of a call, if the file fixes them; the last call repeats its last row.
    """

    def __init__(self, session: _Session, names: tuple[str, str], dtype: str, batch: int | None, how: Reading) -> None:
        super().__init__()
        self.session, self.batch, self.dtype, self.layout = session, batch, dtype, how.layout
        self.input_name, self.output_name = names
        self.task, self.higher_is_better, self.score_range = how.task, not how.lower_is_better, (how.low, how.high)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs ``(N, K)`` or ``(N,)`` in float32 for ``x`` ``(N, C, H, W)`` in [0, 1], or inputs of another shape."""
        rows = x.numpy(force=True)
        if self.layout == "nhwc" and rows.ndim == 4:
            rows = rows.transpose(0, 2, 3, 1)
        inputs = np.ascontiguousarray(rows.astype(DTYPES[self.dtype], copy=False))
        answers = np.concatenate(list(self._answers(inputs)))
        outputs = torch.from_numpy(answers).to(device=x.device, dtype=torch.float32)
        return outputs[:, 0] if self.task == "quality" and outputs.shape[1:] == (1,) else outputs

    def _answers(self, inputs: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
        size = self.batch or max(len(inputs), 1)
        for start in range(0, len(inputs), size):
            part = inputs[start : start + size]
            missing = size - len(part)
            if missing:
                part = np.concatenate([part, np.repeat(part[-1:], missing, axis=0)])
            (answer,) = self.session.opened().run([self.output_name], {self.input_name: part})
            yield answer[: size - missing]


def load_onnx(path: Path, how: Reading) -> OnnxNetwork:
    """The network of a file, in eval mode.

    Raises ``ModuleNotFoundError`` if onnxruntime is not installed, ``ValueError`` for a file that it does not read, and for
    inputs and outputs that are not those of a network of images.
    """
    session = _Session(str(path))
    try:
        opened = session.opened()
    except ImportError:
        raise
    except Exception as error:  # onnxruntime has a class of its own for each kind of damage
        raise ValueError(f"onnxruntime does not read it ({_reason(error)})") from error
    inputs = opened.get_inputs()
    if len(inputs) != 1:
        raise ValueError(f"it takes {len(inputs)} inputs ({', '.join(each.name for each in inputs)}) instead of one image")
    (image,) = inputs
    if image.type not in DTYPES:
        raise ValueError(f"its input {image.name} is of type {image.type}; export it for floating point images in [0, 1]")
    outputs = [each.name for each in opened.get_outputs()]
    if how.output is None and len(outputs) > 1:
        raise ValueError(f"it has the outputs {', '.join(outputs)}; say which holds the logits: output={outputs[0]}")
    if how.output is not None and how.output not in outputs:
        raise ValueError(f"it has no output {how.output!r}, but {', '.join(outputs)}")
    fixed = image.shape[0] if image.shape and isinstance(image.shape[0], int) else None
    return OnnxNetwork(session, (image.name, how.output or outputs[0]), image.type, fixed, how).eval()


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__


def external_files(path: Path) -> list[Path]:
    """Files beside ``path`` in which it keeps weights, in the order of their names.

    Raises ``ValueError`` for a file that is no ONNX file, and for weights in a file that is missing or lies elsewhere.
    """
    names = set()
    for graph in _fields(memoryview(path.read_bytes()), _GRAPH):
        for tensor in _fields(graph, _INITIALIZER):
            for entry in _fields(tensor, _LOCATION):
                key, value = (b"".join(_fields(entry, number)) for number in (1, 2))
                if key == b"location":
                    names.add(value.decode())
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts or not (path.parent / name).is_file():
            raise ValueError(f"it keeps weights in {name!r}, which is no file of its folder")
    return [path.parent / name for name in sorted(names)]


def _fields(message: memoryview, number: int) -> Iterator[memoryview]:
    """The fields of this number and of known length in a message of protocol buffers; everything else is passed over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind, field_number = tag & 7, tag >> 3
        if kind == 0:
            _, at = _varint(message, at)
            continue
        if kind == 2:
            size, at = _varint(message, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("it is no ONNX file")
        if at + size > len(message):
            raise ValueError("it ends too early")
        if kind == 2 and field_number == number:
            yield message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it ends too early")
        byte = message[at]
        value, at = value | (byte & 127) << shift, at + 1
        if byte < 128:
            return value, at
    raise ValueError("it is no ONNX file")
