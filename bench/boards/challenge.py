"""Scoring adversarial images that anyone found against an entry, under the entry's threat model."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from attacks.rows import per_row
from bench.boards.challenge_record import Challenge, ChallengeRow, check_words
from bench.foundation.errors import BoardError, DataError
from bench.foundation.files import sha256_bytes
from bench.foundation.spec import parse_eps
from bench.foundation.threats import threat_at
from bench.tasks.feasibility import norms, statuses
from bench.tasks.lookup import board_rules

if TYPE_CHECKING:
    from bench.boards.protocol import Protocol
    from bench.boards.store import Entry
    from bench.data.base import Samples
    from bench.models.subject import Subject


@dataclass(frozen=True)
class Images:
    """Adversarial images (m, ...), the sample each belongs to, int64 (m,), and the hash of their file."""

    images: Tensor
    samples: Tensor
    sha256: str


def read_images(path: Path, samples: Samples) -> Images:
    """``images`` and ``samples`` of a safetensors file; without ``samples``, one image for each of the samples in order.

    samples: the board's, of which each has one image at most: a file that is longer is refused before it is read.
    Raises ``DataError`` for a file that is none, or whose parts do not fit together or the samples.
    """
    from zoo.tensors import LENGTH, MOST_HEADER, parse_tensors

    ids = samples.ids
    most = LENGTH + MOST_HEADER + len(ids) * (4 * prod(samples.shape[1:]) + ids.itemsize)

    how = "Write tensors named images, float32 (m, C, H, W) in [0, 1], and samples, int64 (m,): the ids of the samples."
    try:
        if not path.is_file():
            raise DataError(f"{path} is no file, or is not there.", how)
        if path.stat().st_size > most:
            raise DataError(f"{path} is larger than {most:,} bytes, which an image for each of the samples take.", how)
        content = path.read_bytes()
        tensors = parse_tensors(content)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).", how) from error
    except ValueError as error:
        raise DataError(f"{path} is not a safetensors file: {error}.", how) from error
    images, named = tensors.get("images"), tensors.get("samples", ids)
    proper = images is not None and images.dtype == torch.float32 and images.dim() > 1 and named.dtype == torch.int64
    if images is None or not proper or named.shape != images.shape[:1]:
        raise DataError(f"{path} does not hold images and samples that fit together.", how)
    if not len(named):
        raise DataError(f"{path} holds no images.", how)
    if len(named.unique()) < len(named) or not torch.isin(named, ids).all():
        raise DataError(f"{path} names samples twice, or some that are not on the board.", how)
    return Images(images, named, sha256_bytes(content))


def score(
    subject: Subject,
    samples: Samples,
    given: Images,
    entry: Entry,
    protocol: Protocol,
    *,
    eps: str,
    who: str,
    how: str,
    link: str = "",
) -> Challenge:
    """Check each image against ball and box, and ask the model for its answer.

    samples: the board's. Raises ``BoardError`` if ``subject`` is not the model that was entered, or the
    words are not plain text and the link no https address.
    """
    check_words(who=who, how=how, link=link)
    if subject.fingerprint != entry.record.model.fingerprint:
        raise BoardError(f"The model at hand is not the one entered as {entry.name}.", "Give the submission as entered.")
    if eps not in protocol.eps:
        raise BoardError(f"{eps} is no radius of this board.", f"Its radii are {', '.join(protocol.eps)}.")
    position = {int(sample): row for row, sample in enumerate(samples.ids)}
    clean = samples[torch.tensor([position[int(sample)] for sample in given.samples])]
    if given.images.shape != clean.images.shape:
        raise DataError(
            f"The images have shape {tuple(given.images.shape[1:])}, the board's {tuple(clean.images.shape[1:])}.",
            "Give them as the model sees them.",
        )
    threat = threat_at(protocol.norm, parse_eps(eps, norm=protocol.norm)[0].value)
    x, adv = clean.images, given.images
    status = statuses(adv, x, threat)
    usable = torch.tensor([word == "ok" for word in status])
    judged = torch.where(per_row(usable, x), adv, x)
    answers = board_rules(protocol.task).answers(subject, samples, clean, judged, given.samples, protocol)
    sizes = norms(judged, x, threat).tolist()
    rows = [
        ChallengeRow(
            sample=int(given.samples[row]),
            norm_value=sizes[row],
            status=status[row],
            adv_sha256=hashlib.sha256(judged[row].numpy().tobytes()).hexdigest()[:16],
            **answered,
        )
        for row, answered in enumerate(answers)
    ]
    return Challenge(
        record_sha256=entry.record_sha256,
        who=who,
        how=how,
        link=link,
        date=datetime.datetime.now(datetime.UTC).date(),
        eps=eps,
        images_sha256=given.sha256,
        rows=rows,
    )
