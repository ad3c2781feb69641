"""The printed text for a model that reconstructs."""

from __future__ import annotations

from collections.abc import Sequence

from bench.tasks.reconstruction.results import Drop
from bench.tasks.results import Interval
from bench.tasks.summary import Figures, Line, Summary, decimal, duration, turned


def summary(drops: Sequence[Drop], *, eight_bit: bool) -> Summary:
    """PSNR and SSIM by radius, and the PSNR of each stage."""
    stages = [
        (f"{drop.attack} at {drop.eps_text}, stage by stage", _by_stage(drop)) for drop in drops if len(drop.stages) > 1
    ]
    caption = "[95% interval]; each picture is compared with the scene that the camera was shown, after noise or attack"
    return Summary(_by_radius(drops), caption, stages)


def figures(drops: Sequence[Drop]) -> Figures:
    """One row of a table of several models: PSNR in dB."""
    attacked = {(drop.eps_text, drop.attack): (_db(drop.psnr_noise), _db(drop.psnr)) for drop in drops}
    return Figures("clean PSNR (dB)", _db(drops[0].psnr_clean), attacked)


def _db(interval: Interval) -> str:
    return decimal(interval, "z.2f")


def _by_stage(drop: Drop) -> list[Line]:
    return [
        {
            "": stage.name,
            "mean PSNR (dB)": "-" if stage.psnr is None else f"{stage.psnr:.2f}",
            "passes per sample": f"{stage.forwards:.1f} + {stage.backwards:.1f}",
            "time": duration(stage.seconds),
        }
        for stage in drop.stages
    ]


def _by_radius(drops: Sequence[Drop]) -> list[Line]:
    columns: dict[str, Line] = {}
    for drop in drops:
        column = columns.setdefault(drop.eps_text, {})
        column["PSNR (dB): clean"] = _db(drop.psnr_clean)
        column["PSNR (dB): random noise"] = _db(drop.psnr_noise)
        column[f"PSNR (dB): random noise, worst of {drop.noise_draws}"] = _db(drop.psnr_noise_worst)
    for drop in drops:
        columns[drop.eps_text][f"PSNR (dB): {drop.attack}"] = _db(drop.psnr)
    for drop in drops:  # the last one of a radius is the strongest statement about it
        column = columns[drop.eps_text]
        column["drop by the attack (dB)"] = _db(drop.drop)
        column["    rounded to 8 bits"] = _db(drop.rounded)
        column["drop by random noise (dB)"] = _db(drop.drop_noise)
        column["gap: attack - noise (dB)"] = _db(drop.gap)
        column["gap: attack - worst noise (dB)"] = _db(drop.gap_worst)
        column["SSIM: clean"] = decimal(drop.ssim_clean)
        column["SSIM: random noise"] = decimal(drop.ssim_noise)
        column["SSIM: attacked"] = decimal(drop.ssim)
        column["passes per sample"] = f"{drop.forwards:.1f} + {drop.backwards:.1f}"
    return turned(columns)
