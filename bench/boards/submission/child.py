"""The program inside of the isolated place: loads the submission's code and answers what it is asked.

It gives up what it could misuse before the code is loaded, keeps the pipe to itself, and knows no labels unless it is
asked to attack. The code can do what it likes to this process; nobody believes what it says without checking.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bench.boards.submission.frames import LENGTHS, Frame, lengths, unpacked

if TYPE_CHECKING:
    from bench.models.subject import Subject

FOLDER = Path("/input")
LARGEST_FILE = 64 * 2**20


def main() -> None:
    """Answer until the pipe ends. The first question says how much memory there is and loads the model."""
    inward, outward = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    subject: Subject | None = None
    while (question := _received(inward)) is not None:
        try:
            if subject is None:
                _restrict(int(question.head["memory"]))
                subject = _loaded(question)
                answer = _described(subject)
            elif question.head["operation"] == "recognise":
                subject, answer = _recognised(subject, question)
            else:
                answer = OPERATIONS[question.head["operation"]](subject, question)
        except Exception as error:
            answer = Frame({"error": f"{type(error).__name__}: {error}"[:1000]})
        outward.write(answer.packed())
        outward.flush()


def _received(pipe: BinaryIO) -> Frame | None:
    start = pipe.read(LENGTHS)
    if len(start) < LENGTHS:
        return None
    head, body = lengths(start)
    return unpacked(pipe.read(head), pipe.read(body))


def _restrict(memory: int) -> None:
    """Limits that hold for each process, so that the watchdog has less to do."""
    for kind, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, LARGEST_FILE),
        (resource.RLIMIT_NOFILE, 128),
    ):
        resource.setrlimit(kind, (most, most))
    os.nice(5)  # whoever watches must get its turn


def _loaded(question: Frame) -> Subject:
    import torch

    from bench.models.opening import open_subject
    from zoo.loading import fill, read_weights

    torch.set_num_threads(int(question.head["threads"]))
    tensors = read_weights(FOLDER / "weights.safetensors", question.head["sha256"])
    opened = open_subject(f"{FOLDER}/model.py::{question.head['factory']}", stochastic=bool(question.head["stochastic"]))
    fill(opened.module, tensors, "weights.safetensors")
    opened.module.eval().requires_grad_(False)
    return replace(opened, task=question.head["task"], score_range=(0.0, 1.0), higher_is_better=True)


def _described(subject: Subject) -> Frame:
    return Frame({"layers": subject.whole_layers, "parameters": sum(p.numel() for p in subject.module.parameters())})


def _recognised(subject: Subject, question: Frame) -> tuple[Subject, Frame]:
    """The model with its spike functions, as an evaluation finds them, and a description of them."""
    import torch

    from bench.boards.submission.description import Description
    from bench.data.base import Samples
    from bench.evaluation.request.shards import state_of
    from bench.models.recognition import recognised

    images = question.tensors["images"]
    numbers = torch.arange(len(images))
    samples = Samples(images, torch.zeros_like(numbers), numbers, "probe", "test")
    found = recognised(subject, samples)
    kept_per_row = state_of(found.module, samples, torch.device("cpu"))
    return found, Frame(Description.of(found, kept_per_row).model_dump())


def _logits(subject: Subject, question: Frame) -> Frame:
    from bench.models.scorer import Scorer

    scorer = Scorer(subject.deciding, "the model")
    logits = scorer.logits(question.tensors["images"], batch=int(question.head["batch"]))
    return Frame({}, {"logits": logits.float()})


def _scores(subject: Subject, question: Frame) -> Frame:
    from bench.models.scorer import Scorer

    scorer = Scorer(subject.deciding, "the model")
    scores = scorer.scores(question.tensors["images"], batch=int(question.head["batch"]))
    return Frame({}, {"scores": scores.float()})


def _gradient(subject: Subject, question: Frame) -> Frame:
    """Share of images whose score, or the loss of the model's own decision, has no gradient."""
    from bench.boards.submission.probes import silent_share

    return Frame({"silent": silent_share(subject, question.tensors["images"])})


def _attack(subject: Subject, question: Frame) -> Frame:
    from bench.boards.submission.proposing import propose

    return propose(subject, question)


OPERATIONS: dict[str, Callable[[Any, Frame], Frame]] = {
    "logits": _logits,
    "scores": _scores,
    "gradient": _gradient,
    "attack": _attack,
}

if __name__ == "__main__":
    sys.exit("This is started by bench submit, in isolation.")
