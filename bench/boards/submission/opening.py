"""A zoo-built submission as a subject: a registered network with foreign weights. Nothing foreign runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.boards.submission.builders import check_arguments
from bench.boards.submission.folder import Snapshot, snapshot
from bench.foundation.errors import SubmissionError
from bench.models.subject import Subject

if TYPE_CHECKING:
    from torch import nn

MARGIN = 1.5
"""The largest network, as a multiple of the weights' file."""


@contextmanager
def opened(source: Path) -> Iterator[Subject]:
    """The model of a zoo-built submission. Raises ``SubmissionError`` for any other."""
    with snapshot(source) as verified:
        yield zoo_built(verified)


def fingerprint(verified: Snapshot) -> dict[str, Any]:
    """The fields and hashes that determine the model's answers."""
    from bench.foundation.files import sha256_file

    submission = verified.submission
    fields = submission.model_dump(
        mode="json",
        include={"name", "version", "dataset", "spiking", "stochastic", "builder", "code", "weights"},
        exclude={"code": {"sha256"}},  # which stands below, whether the manifest says it or not
    )
    return fields | ({"code_sha256": sha256_file(verified.code)} if submission.code else {})


def zoo_built(verified: Snapshot) -> Subject:
    """Build the network on no device first, so that arguments which do not fit the weights cost nothing."""
    import torch

    from zoo.card import Part
    from zoo.loading import build, fill, read_weights

    submission = verified.submission
    if submission.builder is None:
        raise SubmissionError(f"{submission.name} runs code of its own.", "Give --trust-code.")
    part = Part(
        name=submission.builder.name, arguments=check_arguments(submission.builder.name, submission.builder.arguments)
    )
    try:
        with torch.device("meta"):
            sketch = build(part)
        if _bytes(sketch) > MARGIN * submission.weights.bytes + 2**16:
            raise ValueError("the network is larger than the weights")
        model = fill(build(part), read_weights(verified.weights, submission.weights.sha256), verified.weights.name)
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise SubmissionError(f"The network cannot be built: {reason}.", "Correct builder.arguments.") from error
    ref = f"submission:{submission.name}@{submission.version}"
    frozen = model.eval().requires_grad_(False)
    return Subject(
        ref, frozen, fingerprint(verified), submission.dataset, submission.spiking, submission.stochastic, submission.task
    )


def _bytes(model: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
