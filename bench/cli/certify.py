"""``bench certify``: a lower bound on the robustness of a smoothed model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli.preparing import examining, preparation
from bench.cli.quiet import printing_to_stderr
from bench.cli.table import show_table
from bench.cli.terminal import say

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
    with printing_to_stderr(), click.progressbar(length=draws + choosing, file=sys.stderr) as bar:
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
            on_draw=lambda: bar.update(1),
        )
    _show(certificate)
    if out is not None:
        atomic_write_text(out, certificate.rows.to_csv(index=False))
        say(f"rows: {out}")


def _show(certificate: Certificate) -> None:
    from bench.studies.certificates.bounds import largest_radius, linf_radius
    from bench.studies.certificates.certify import RADII
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
            for at in RADII
            if at <= most
        ],
        right=("l2 radius", "linf radius", "certified"),
    )
    say(
        f"accuracy in % [95% interval]; the model without noise: {percent(Interval.of(certificate.clean))}; "
        f"abstained on {certificate.abstained}\n"
        f"{smoothing.draws} draws certify {most:.3f} at most. "
        f"This is a bound for the smoothed model, not for {certificate.model}."
    )
