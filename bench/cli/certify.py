"""``bench certify``: a lower bound on the robustness of a smoothed model."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.preparing import examining, preparation
from bench.cli.quiet import printing_to_stderr
from bench.cli.table import show_table
from bench.cli.terminal import JSON, is_quiet, say, say_json
from bench.foundation.progress import Bar

if TYPE_CHECKING:
    from bench.studies.certificates.certify import Certificate


DRAWS = click.IntRange(1, 10**9)


@click.command()
@click.argument("model")
@click.option("--sigma", type=float, default=0.1, show_default=True, help="Deviation of the noise, in [0, 1] pixel units.")
@click.option("--n", type=click.IntRange(1), default=100, show_default=True, help="Samples.")
@click.option("--draws", type=DRAWS, default=1000, show_default=True, help="That bound the probability.")
@click.option("--choosing", type=DRAWS, default=100, show_default=True, help="Draws that choose the class.")
@click.option("--alpha", type=float, default=0.001, show_default=True, help="Chance that a sample's certificate is wrong.")
@examining
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="CSV file for one row per sample.")
@JSON
def certify(
    model: str,
    sigma: float,
    n: int,
    draws: int,
    choosing: int,
    alpha: float,
    data: str | None,
    seed: int,
    stochastic: bool,
    device: str,
    threads: int | None,
    out: Path | None,
    batch: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Certify MODEL, named as for bench evaluate, smoothed by Gaussian noise (Cohen et al., ICML 2019).

    The certificate is about the smoothed model, which asks MODEL under noise and takes the majority. It holds against every
    attack within the radius, and says nothing about MODEL itself.
    """
    import torch

    from bench.foundation.files import atomic_write_text
    from bench.foundation.memory import keep_freed_memory
    from bench.studies.certificates.certify import Smoothing
    from bench.studies.certificates.certify import certify as certified

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    smoothing = Smoothing(sigma, draws, choosing, alpha)
    drawn, total = count(1), draws + choosing
    with printing_to_stderr(), Bar(quiet=is_quiet()) as bar:
        certificate = certified(
            model,
            smoothing,
            n=n,
            data=data,
            seed=seed,
            stochastic=stochastic,
            device=device,
            batch=batch,
            prepare=preparation(options),
            on_draw=lambda: bar.show(next(drawn), total, "draws of noise"),
        )
    if out is not None:
        atomic_write_text(out, certificate.rows.to_csv(index=False))
    if as_json:
        say_json(json.dumps(_fields(certificate), indent=1))
        return
    _show(certificate)
    if out is not None:
        say(f"rows: {out}")


def _fields(certificate: Certificate) -> dict[str, Any]:
    """The figures that :func:`_show` prints, as JSON has them; radii in [0, 1] pixel units."""
    from bench.studies.certificates.bounds import linf_radius

    samples = certificate.samples
    return {
        "model": certificate.model,
        "data": {"name": samples.name, "split": samples.split, "n": len(samples)},
        "smoothing": asdict(certificate.smoothing),
        "clean": asdict(certificate.clean),
        "abstained": certificate.abstained,
        "certified": [
            {"l2": at, "linf": linf_radius(at, certificate.dimension), "accuracy": asdict(certificate.accuracy(at))}
            for at in _radii(certificate)
        ],
    }


def _radii(certificate: Certificate) -> list[float]:
    """The l2 radii of the table: those that so many draws can certify."""
    from bench.studies.certificates.bounds import largest_radius
    from bench.studies.certificates.certify import RADII

    smoothing = certificate.smoothing
    most = largest_radius(smoothing.draws, sigma=smoothing.sigma, alpha=smoothing.alpha)
    return [at for at in RADII if at <= most]


def _show(certificate: Certificate) -> None:
    from bench.studies.certificates.bounds import largest_radius, linf_radius
    from bench.tasks.results import Interval
    from bench.tasks.summary import percent

    smoothing, samples = certificate.smoothing, certificate.samples
    say(
        f"{certificate.model}, smoothed with sigma {smoothing.sigma:g}, on {len(samples)} {samples.split} samples of "
        f"{samples.name}: {smoothing.draws} draws, alpha {smoothing.alpha:g}\n"
    )
    most = largest_radius(smoothing.draws, sigma=smoothing.sigma, alpha=smoothing.alpha)
    show_table(
        [
            {
                "l2 radius": f"{at:g}",
                "linf radius": f"{255 * linf_radius(at, certificate.dimension):.2f}/255",
                "certified": percent(Interval.of(certificate.accuracy(at))),
            }
            for at in _radii(certificate)
        ],
        right=("l2 radius", "linf radius", "certified"),
    )
    say(
        f"accuracy in % [95% interval]; the model without noise: {percent(Interval.of(certificate.clean))}; "
        f"abstained on {certificate.abstained}\n"
        f"{smoothing.draws} draws certify {most:.3f} at most. "
        f"This is a bound for the smoothed model, not for {certificate.model}."
    )
