"""No-reference metrics of pyiqa (IQA-PyTorch), as models under attack: ``pyiqa:NAME[,key=value,...]``.

pyiqa is not part of this suite, is not installed with it, and none of its code is copied. Its licence, the PolyForm
Noncommercial License 1.0.0, allows noncommercial use only. It is imported when one of its metrics is
asked for, and it downloads and reads that metric's weights itself (``pretrained_model_path=FILE`` names a file).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from zoo.adapters.options import typed

LICENCE = "PolyForm Noncommercial 1.0.0"
INSTALL = f"pip install pyiqa (licence: {LICENCE}; it brings torchvision)"

NOT_METRICS = ("fid*", "sfid*", "inception_score*", "clipscore*", "compare2score*", "qalign*", "topiq_nr-face*")
"""Patterns of names that pyiqa lists as no-reference metrics but that are refused here: they rate sets of images, or they
need a text, a large language model or a face in the image."""


class Metric(nn.Module):
    """A metric of pyiqa: images ``(N, 3, H, W)`` in [0, 1] to its own scores ``(N,)``.

    ``higher_is_better`` and ``score_range`` hold what the metric declares about its scale.
    """

    task = "quality"

    def __init__(self, metric: nn.Module, *, higher_is_better: bool, score_range: tuple[float, float]) -> None:
        super().__init__()
        self.metric = metric
        self.higher_is_better, self.score_range = higher_is_better, score_range

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``(N,)`` of images ``(N, 3, H, W)``.

        Raises ``ValueError`` if the metric does not give one score per image.
        """
        scores: Tensor = self.metric(x)
        if scores.numel() != len(x):
            raise ValueError(f"the metric gives scores {tuple(scores.shape)} for {len(x)} images")
        # A metric without a gradient has a gradient of zero, which an evaluation counts, and not an exception.
        return scores.reshape(len(x)) + 0 * x.flatten(1).sum(1)


def open_metric(name: str, options: Mapping[str, str]) -> Metric:
    """The metric ``name`` in eval mode. options: keyword arguments of its network, and ``low`` and ``high`` of its scale.

    Raises ``ModuleNotFoundError`` if pyiqa is not installed, ``ValueError`` for a name that is not a no-reference metric of
    single images, or for a scale without two ends; errors of pyiqa itself are passed on.
    """
    import pyiqa
    from pyiqa.default_model_configs import DEFAULT_CONFIGS

    known = {key for key, config in DEFAULT_CONFIGS.items() if config.get("metric_mode") == "NR"}
    known -= {key for pattern in NOT_METRICS for key in fnmatch.filter(known, pattern)}
    if name not in known:
        raise ValueError(f"{name!r} is not among its no-reference metrics of single images: {', '.join(sorted(known))}")
    config = DEFAULT_CONFIGS[name]
    arguments = {key: typed(value) for key, value in options.items() if key not in ("low", "high")}
    scale = _scale(name, str(config.get("score_range", "")), options)
    metric = pyiqa.create_metric(name, as_loss=True, loss_reduction="none", device=torch.device("cpu"), **arguments)
    higher = not bool(getattr(metric, "lower_better", config.get("lower_better", False)))
    return Metric(metric, higher_is_better=higher, score_range=scale).eval()


def _scale(name: str, declared: str, options: Mapping[str, str]) -> tuple[float, float]:
    """Lowest and highest score: from the options, or else from the declared text, such as ``~0, ~100``."""
    ends: list[str] = re.findall(r"-?\d+(?:\.\d+)?", declared)
    given = [options[end] for end in ("low", "high") if end in options]
    chosen_ends = given or ends
    try:
        first, second = (float(end) for end in chosen_ends)
    except ValueError:
        first = second = 0.0
    if not (first < second < float("inf") and first > -float("inf")):
        raise ValueError(f"{name} declares the scale {declared!r}; give its ends, for example {name},low=0,high=100")
    return first, second
