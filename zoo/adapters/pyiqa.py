"""No-reference metrics of pyiqa (IQA-PyTorch), as models under attack: ``pyiqa:NAME[,key=value,...]``.

pyiqa is no part of this suite, is not installed with it, and nothing of it is copied: its licence is the PolyForm
Noncommercial License 1.0.0, so what is done with it has to be noncommercial. It is imported when one of its metrics is
asked for, and downloads and reads that metric's weights in its own way (``pretrained_model_path=FILE`` names a file).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

LICENCE = "PolyForm Noncommercial 1.0.0"
INSTALL = f"pip install pyiqa (licence: {LICENCE}; it brings torchvision)"

NOT_METRICS = ("fid*", "sfid*", "inception_score*", "clipscore*", "compare2score*", "qalign*", "topiq_nr-face*")
"""Names that pyiqa counts among no-reference metrics, and that rate sets of images, need a text, need a large language
model, or find a face first."""


class Metric(nn.Module):
    """A metric of pyiqa: images ``(N, 3, H, W)`` in [0, 1] to its own scores ``(N,)``.

    What it declares about its scale is kept as ``higher_is_better`` and ``score_range``.
    """

    task = "quality"

    def __init__(self, metric: nn.Module, *, higher_is_better: bool, score_range: tuple[float, float]) -> None:
        super().__init__()
        self.metric = metric
        self.higher_is_better, self.score_range = higher_is_better, score_range

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.metric(x)
        if scores.numel() != len(x):
            raise ValueError(f"the metric gives scores {tuple(scores.shape)} for {len(x)} images")
        # A metric without a gradient has a gradient of zero, which an evaluation counts, and not an exception.
        return scores.reshape(len(x)) + 0 * x.flatten(1).sum(1)


def open_metric(name: str, options: Mapping[str, str]) -> Metric:
    """The metric ``name`` in eval mode. options: keyword arguments of its network, and ``low`` and ``high`` of its scale.

    Raises ``ModuleNotFoundError`` if pyiqa is not installed, ``ValueError`` for names that are no no-reference metrics of
    images, options that do not fit, and scales without two ends; what pyiqa itself raises comes through.
    """
    import pyiqa
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    known = {key for key, config in DEFAULT_CONFIGS.items() if config.get("metric_mode") == "NR"}
    known -= {key for pattern in NOT_METRICS for key in fnmatch.filter(known, pattern)}
    if name not in known:
        raise ValueError(f"{name!r} is not among its no-reference metrics of single images: {', '.join(sorted(known))}")
    config = DEFAULT_CONFIGS[name]
    arguments = {key: _typed(value) for key, value in options.items() if key not in ("low", "high")}
    scale = _scale(name, str(config.get("score_range", "")), options)
    metric = pyiqa.create_metric(name, as_loss=True, loss_reduction="none", device=torch.device("cpu"), **arguments)
    higher = not bool(getattr(metric, "lower_better", config.get("lower_better", False)))
    return Metric(metric, higher_is_better=higher, score_range=scale).eval()


def _scale(name: str, declared: str, options: Mapping[str, str]) -> tuple[float, float]:
    """The ends given, or else those of a text such as ``~0, ~100``."""
    ends: list[str] = re.findall(r"-?\d+(?:\.\d+)?", declared)
    given = [options[end] for end in ("low", "high") if end in options]
    found = given or ends
    try:
        first, second = (float(end) for end in found)
    except ValueError:
        first = second = 0.0
    if not (first < second < float("inf") and first > -float("inf")):
        raise ValueError(f"{name} declares the scale {declared!r}; give its ends, for example {name},low=0,high=100")
    return first, second


def _typed(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
