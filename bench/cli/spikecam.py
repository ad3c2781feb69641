"""``bench data spikecam``: look at spike recordings, play them, and simulate them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bench.cli.terminal import JSON, say, say_json
from bench.data.paths import shown
from bench.foundation.errors import DataError, SpecError

_FILE = click.argument("file", type=click.Path(path_type=Path))
USUAL_RATE = 40_000
"""Planes per second of the first camera."""
MOST_PICTURES = 600
"""Of a video, which is in memory before it is written."""


@click.group()
def spikecam() -> None:
    """Recordings of spike cameras (.dat with a config.yaml)."""


@spikecam.command(short_help="What is in a recording.")
@_FILE
@click.option("--rate", type=click.IntRange(1), default=USUAL_RATE, show_default=True, help="Planes per second.")
@JSON
def info(file: Path, rate: int, as_json: bool) -> None:
    """What is in FILE: size, length, and how often its pixels fire."""
    import numpy as np

    from bench.data.spikecam.counting import count_spikes
    from bench.data.spikecam.packed import as_picture
    from bench.data.spikecam.stream import SpikeStream

    stream = SpikeStream.open(file)
    geometry = stream.geometry
    counts = np.zeros((geometry.height, geometry.width), np.int64)
    for block in stream.blocks():
        counts += as_picture(count_spikes(block)[None], geometry)[0]
    facts: dict[str, Any] = {
        "height": geometry.height,
        "width": geometry.width,
        "planes": len(stream),
        "bytes": stream.file.size,
        "seconds": len(stream) / rate,
        "spikes": int(counts.sum()),
        "rate": float(counts.mean()) / len(stream),
        "silent_pixels": int((counts == 0).sum()),
        "saturated_pixels": int((counts == len(stream)).sum()),
    }
    if as_json:
        say_json(json.dumps(facts, indent=1))
        return
    say(f"{geometry.height} x {geometry.width} pixels, {len(stream):,} planes, {facts['seconds']:.4g} s at {rate:,} Hz")
    say(
        f"pixels fire at {facts['rate']:.2%} of the ticks; {facts['silent_pixels']:,} never, "
        f"{facts['saturated_pixels']:,} always"
    )


@spikecam.command(short_help="Make a video of a recording.")
@_FILE
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the video goes (.webp).")
@click.option("--method", type=click.Choice(("tfp", "tfi")), default="tfp", show_default=True, help="How pictures are made.")
@click.option("--half", type=click.IntRange(1), default=16, show_default=True, help="Ticks on each side that are looked at.")
@click.option("--every", type=click.IntRange(1), help="Ticks from one picture to the next [default: as many as make 100].")
@click.option("--fps", type=click.IntRange(1, 100), default=25, show_default=True, help="Pictures per second.")
def play(file: Path, out: Path, method: str, half: int, every: int | None, fps: int) -> None:
    """Make a video of FILE, a picture after another."""
    from PIL import Image

    from bench.data.spikecam.playing import key_ticks, tfi_pictures, tfp_pictures
    from bench.data.spikecam.stream import SpikeStream

    if out.suffix.lower() != ".webp":
        raise SpecError(f"{shown(out.name)} is no name of a video.", "Choose one that ends in .webp.")
    stream = SpikeStream.open(file)
    step = every or max(1, (len(stream) - 2 * half) // 100)
    try:
        if len(key_ticks(stream, half, step)) > MOST_PICTURES:
            raise DataError(f"A video has at most {MOST_PICTURES} pictures.", "Choose a larger --every.")
        pictures = (tfp_pictures if method == "tfp" else tfi_pictures)(stream, half, step)
        frames = [Image.fromarray((picture * 255).round().astype("uint8")) for picture in pictures]
        frames[0].save(out, save_all=True, append_images=frames[1:], duration=1000 // fps, quality=80, method=2)
    except ValueError as error:
        raise DataError(f"{shown(file)} cannot be played: {error}.", "Choose a smaller --half.") from error
    except OSError as error:
        raise DataError(
            f"{shown(out)} cannot be written ({error.strerror or error}).", "Choose a folder in which you may write."
        ) from error
    say(f"{out}: {len(frames)} pictures")


@spikecam.command(short_help="Record images or a video with a simulated camera.")
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The .dat file; config.yaml goes beside it.")
@click.option("--ticks", type=click.IntRange(1), default=400, show_default=True, help="For which each picture is shown.")
@click.option("--gain", type=float, default=0.5, show_default=True, help="Spikes of a white pixel in a tick, up to 1.")
@click.option("--dark", type=float, default=0.0, show_default=True, help="Charge of a tick without light.")
@click.option("--photons", type=float, help="Photons of a white pixel in a tick [default: no shot noise].")
@click.option("--spurious", type=float, default=0.0, show_default=True, help="Probability of a spurious spike in a tick.")
@click.option("--jitter", type=float, default=0.0, show_default=True, help="Deviation of thresholds between pixels.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all noise.")
def simulate(images: Path, out: Path, ticks: int, seed: int, **camera: Any) -> None:
    """Record IMAGES with a simulated camera: an image, the frames of an animated WebP, PNG or GIF, or all images of a folder
    in the order of their names.
    """
    from bench.data.folders.listing import list_folder
    from bench.data.spikecam.geometry import geometry_of
    from bench.data.spikecam.shown_scenes import scenes_of
    from bench.data.spikecam.simulating import simulated
    from bench.data.spikecam.writer import write_recording

    paths = list_folder(images).files if images.is_dir() else (images,)
    if not paths:
        raise DataError(f"{shown(images)} holds no images.", "Name an image, or a folder of images.")
    height, width = next(scenes_of(paths[0])).shape
    try:
        scenes = (scene for path in paths for scene in scenes_of(path))
        planes = write_recording(out, simulated(scenes, ticks=ticks, seed=seed, **camera), geometry_of(height, width))
    except ValueError as error:
        fix = "Give images of one size, whose pixels are a multiple of 8, and sensible numbers."
        raise DataError(f"{shown(images)} cannot be recorded: {error}.", fix) from error
    say(f"{out}: {planes:,} planes of {height} x {width}")
