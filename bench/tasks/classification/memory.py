"""Does a model know the test images by heart? Its answers on altered copies of them, and on images not on the board.

Copies that were shifted, mirrored, encoded anew or made slightly noisy show the same thing, and a network that has learnt it
decides most of them as before; a table of known images does not. A table that looks for the nearest known image does, but
it knows nothing of test images that were left out of the board.

Thresholds were chosen on validation images of CIFAR-10, where networks of the zoo lose at most 6% of what they have beyond
chance on the copies, and a table loses all of it (``docs/protocol.md``). The comparison with other test images is one of two
shares: 4 standard errors happen to 3 honest models in 100,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, prod, sqrt
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import pad

from bench.tasks.checks import not_looked_at
from bench.tasks.results import Check
from bench.tasks.submission import Answers, of

if TYPE_CHECKING:
    from bench.data.base import Samples
    from bench.metrics.statistics import Floats
    from bench.tasks.record import Record

NEAR, OTHERS = 200, 1000
"""Images of the board that are altered, and test images that are not on the board: at most so many."""
PER_IMAGE = 4
"""Of the others, for each image of the board: more make the comparison no sharper."""
MOST_VALUES = 2**25
"""Pixels of all images of one kind."""
LOST = 0.5
"""Share of what the accuracy is above chance that altered copies may lose."""
ERRORS = 4.0
"""Standard errors that a difference must exceed, so that few images cannot prove anything."""
QUALITY, NOISE = 75, 4 / 255
"""Of JPEG, and the largest change of a pixel by noise."""
MIRRORED = ("cifar10", "cifar100")
"""Sets whose mirrored images are images of the set; those of digits are not."""
AT_ONCE = 500
"""Images per question."""
UNALTERED, OUTSIDE = "as they are", "not on the board"
ALTERED, ELSEWHERE, ATTACKED = "altered images", "images not on the board", "images not on the board, attacked"
"""Names of the checks."""


@dataclass(frozen=True)
class Asked:
    """Which decisions were right. right: by kind of image, bool ``(n,)``; the copies of a kind are in the same order."""

    right: Mapping[str, Tensor]
    chance: float

    def share(self, kind: str) -> float:
        """Accuracy on a kind of image."""
        return float(self.right[kind].float().mean())


def memory_checks(ask: Answers, board: Samples, others: Samples | None, clean: Tensor, seed: int) -> Iterator[Check]:
    """Two checks, each of which fails for a model that knows the images of the board by heart.

    board: its samples. others: samples of the same split that are not on it, None where there are none. clean: which samples
    of the board were right when it was measured, float ``(n,)``. seed: of the images that are drawn and of their order.
    """
    generator = torch.Generator().manual_seed(seed)
    asked = _asked(ask, board, others, generator)
    yield _altered(asked)
    if others is None:
        what = "Whether it knows the images of the board better than others"
        yield not_looked_at(ELSEWHERE, what, "there are no others of their data set here")
    else:
        yield _left_out(asked, clean, len(others), seed)


def _asked(ask: Answers, board: Samples, others: Samples | None, generator: torch.Generator) -> Asked:
    """All kinds of images go in together and in one order, so that none can be told from the rest by its company."""
    near = _drawn(board, NEAR, generator)
    kinds = alterations(near.images, generator, pictures=_are_pictures(board), mirrored=board.name in MIRRORED)
    labels = dict.fromkeys(kinds, near.labels)
    if others is not None:
        outside = _drawn(others, min(OTHERS, PER_IMAGE * len(board)), generator)
        kinds[OUTSIDE], labels[OUTSIDE] = outside.images, outside.labels
    images = torch.cat(list(kinds.values()))
    order = torch.randperm(len(images), generator=generator)
    decided = torch.cat([ask(images[part]).argmax(1).cpu() for part in order.split(AT_ONCE)])
    right = torch.empty(len(images), dtype=torch.bool)
    right[order] = decided == torch.cat(list(labels.values()))[order]
    chance = float(board.labels.bincount().max()) / len(board)  # of a model that answers one class always
    return Asked(dict(zip(kinds, right.split([len(part) for part in kinds.values()]), strict=True)), chance)


def _drawn(samples: Samples, most: int, generator: torch.Generator) -> Samples:
    """At most ``most`` samples, fewer of large images, in their order."""
    n = min(most, len(samples), max(1, MOST_VALUES // prod(samples.shape[1:])))
    return samples[torch.randperm(len(samples), generator=generator)[:n].sort().values]


def _are_pictures(samples: Samples) -> bool:
    """Whether they are images of 8 bits, grey or in colour, and not events, bits of a camera, or numbers of another kind."""
    return samples.source.dtype == torch.uint8 and len(samples.shape) == 4 and samples.shape[1] in (1, 3)


def alterations(images: Tensor, generator: torch.Generator, *, pictures: bool, mirrored: bool) -> dict[str, Tensor]:
    """Images ``(n, ..., h, w)`` in [0, 1] as they are, and copies that show the same; what has no height has none.

    pictures: whether they are more than shifted. mirrored: whether a mirrored image is one of its class.
    """
    kinds = {UNALTERED: images}
    if images.dim() >= 4:
        kinds |= {"shifted by 1 pixel": _shifted(images, 1, -1), "shifted by 2 pixels": _shifted(images, -2, 2)}
    if not pictures:
        return kinds
    noise = (2 * torch.rand(images.shape, generator=generator) - 1) * NOISE
    kinds["with noise of 4/255"] = (images + noise).clamp(0, 1)
    kinds[f"as JPEG of quality {QUALITY}"] = _encoded(images)
    if mirrored:
        kinds["mirrored"] = images.flip(-1)
    return kinds


def _shifted(images: Tensor, down: int, right: int) -> Tensor:
    """Shifted by whole pixels; the pixels at the edge are repeated."""
    height, width = images.shape[-2:]
    margin = max(abs(down), abs(right))
    flat = pad(images.flatten(0, -4).float(), (margin,) * 4, mode="replicate")
    return flat[..., margin - down :, margin - right :][..., :height, :width].reshape(images.shape)


def _encoded(images: Tensor) -> Tensor:
    from bench.data.distortions.compression import jpeg

    coloured = images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).double().numpy()
    decoded = torch.stack([torch.from_numpy(jpeg(image, QUALITY)) for image in coloured])
    return decoded.permute(0, 3, 1, 2).float()[:, : images.shape[1]]


def _altered(asked: Asked) -> Check:
    """Fails where a kind of copies loses more than half of what the same images have beyond chance."""
    plain = asked.right[UNALTERED]
    kinds = [kind for kind in asked.right if kind not in (UNALTERED, OUTSIDE)]
    if not kinds:
        return not_looked_at(ALTERED, "Whether it knows copies of its images", "inputs of this shape cannot be shifted")
    worst = min(kinds, key=asked.share)
    accuracy, left = asked.share(UNALTERED), asked.share(worst)
    changed = int((plain != asked.right[worst]).sum())
    error = sqrt(changed + 1) / len(plain)
    known = accuracy - left > max(LOST * (accuracy - asked.chance), ERRORS * error)
    says = (
        f"of {len(plain)} images of the board {accuracy:.1%} are right, of copies {worst} {left:.1%}"
        f"{'; it knows the images, not what they show' if known else ''}"
    )
    return of(ALTERED, not known, accuracy - left, says)


def _left_out(asked: Asked, clean: Tensor, drawn_from: int, seed: int) -> Check:
    """Fails where the board's images are right surely more often than other images of the same split."""
    measured, other = float(clean.mean()), asked.right[OUTSIDE]
    elsewhere = asked.share(OUTSIDE)
    error = sqrt(_variance(measured, len(clean)) + _variance(elsewhere, len(other)))
    known = measured - elsewhere > ERRORS * error
    says = (
        f"{measured:.1%} of the board's images are right, and {elsewhere:.1%} of {len(other)} test images that are not on "
        f"it (drawn by seed {seed} from {drawn_from:,}){'; it knows the images of the board' if known else ''}"
    )
    return of(ELSEWHERE, not known, measured - elsewhere, says)


def check_under_attack(board: Record, others: Record) -> Check:
    """Fails where the board's images withstand the attacks surely more often than other images of the same split.

    others: the record of the same model under the same attacks, on images that are not on the board.
    """
    here, elsewhere = _robust(board), _robust(others)
    worst, says = -inf, ""
    for eps, withstood in here.items():
        shares = [float(values.mean()) for values in (withstood, elsewhere[eps])]
        error = sqrt(_variance(shares[0], len(withstood)) + _variance(shares[1], len(elsewhere[eps])))
        if (shares[0] - shares[1]) / error > worst:
            worst = (shares[0] - shares[1]) / error
            says = (
                f"at {eps} {shares[0]:.1%} of the board's images withstand the attacks, and {shares[1]:.1%} of "
                f"{len(elsewhere[eps])} test images that are not on it"
            )
    known = worst > ERRORS
    return of(ATTACKED, not known, worst, f"{says}{'; it knows the images of the board' if known else ''}")


def _robust(record: Record) -> dict[str, Floats]:
    """By radius, the share of draws in which each sample withstands all attacks."""
    rows = record.rows.groupby(["eps_text", "sample"])["robust"].min().reset_index()
    return {str(eps): of_radius["robust"].to_numpy(float) for eps, of_radius in rows.groupby("eps_text")}


def _variance(share: float, n: int) -> float:
    """Of a share of ``n``, from one more right and one more wrong, so that it is never 0."""
    smoothed = (share * n + 1) / (n + 2)
    return smoothed * (1 - smoothed) / n
