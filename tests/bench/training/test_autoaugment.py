"""Each operation of AutoAugment on images whose outcome is known, and draws that follow the generator."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor

from bench.training import autoaugment as module
from bench.training.augment import AUGMENTATIONS, crop_flip, crop_flip_autoaugment_cutout, cutout
from bench.training.autoaugment import GREY, OPERATIONS, POLICY, autoaugment


def noise(n: int = 6, seed: int = 0) -> Tensor:
    return torch.randint(256, (n, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def through(name: str, pixels: np.ndarray, strength: int, sign: int = 1) -> np.ndarray:
    return np.asarray(OPERATIONS[name](Image.fromarray(pixels), strength / 9, sign)).astype(int)


@pytest.fixture
def pixels() -> np.ndarray:
    """``(32, 32, 3)`` uint8."""
    return noise(1)[0].permute(1, 2, 0).numpy().copy()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --- operations ---


def test_invert_posterize_and_solarize(pixels: np.ndarray) -> None:
    whole = pixels.astype(int)
    assert (through("Invert", pixels, 0) == 255 - whole).all()
    assert (through("Posterize", pixels, 7) == whole // 8 * 8).all()  # 8 - 4 * 7 / 9 = 4.9, so 5 bits
    assert (through("Posterize", pixels, 0) == whole).all()
    assert (through("Solarize", pixels, 5) == np.where(whole < 256 * 4 / 9, whole, 255 - whole)).all()
    assert (through("Solarize", pixels, 9) == 255 - whole).all()
    assert (through("Solarize", pixels, 0) == whole).all()


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("strength", [0, 3, 9])
def test_translations(pixels: np.ndarray, strength: int, sign: int) -> None:
    """By ``150 / 331 * strength / 9`` of 32 pixels, to the nearest one; what is uncovered is grey."""
    shift = 32 * 150 / 331 * strength / 9
    # Pixel i is taken from where its centre lies after the move: floor(i + 1/2 + shift).
    taken = np.floor(np.arange(32) + 0.5 + sign * shift).astype(int)
    inside = (taken >= 0) & (taken < 32)
    wanted = np.full_like(pixels, GREY[0])
    wanted[:, inside] = pixels[:, taken[inside]]
    assert (through("TranslateX", pixels, strength, sign) == wanted).all()
    turned = through("TranslateY", np.ascontiguousarray(pixels.swapaxes(0, 1)), strength, sign)
    assert (turned.swapaxes(0, 1) == wanted).all()


@pytest.mark.parametrize("sign", [-1, 1])
def test_shears_move_rows_by_their_distance_from_the_edge(sign: int) -> None:
    """A vertical edge, sheared along x by 0.3 pixels a row: in row y it lies 0.3 y further left or right."""
    edge = np.zeros((32, 32, 3), np.uint8)
    edge[:, 16:] = 255
    out = through("ShearX", edge, 9, sign)
    for row in (1, 10, 25):
        where = 16 - sign * 0.3 * (row + 0.5)
        seen = out[row, :, 0]
        assert (seen[2 : int(where) - 2] < 128).all() or sign < 0
        line = [seen[int(where) - 3], seen[int(where) + 3]]
        assert line[0] < 64 and line[1] > 191
    turned = through("ShearY", np.ascontiguousarray(edge.swapaxes(0, 1)), 9, sign)
    assert (turned.swapaxes(0, 1) == out).all()


def test_rotation(pixels: np.ndarray) -> None:
    """The centre stays, the corners become grey, and a turn and its opposite undo one another inside, on a smooth image."""
    assert (through("Rotate", pixels, 0) == pixels).all()
    turned = through("Rotate", pixels, 9)
    assert (turned[0, 0] == GREY[0]).all() and (turned[31, 31] == GREY[0]).all()
    ramp = np.repeat(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    there = through("Rotate", ramp, 9, 1).astype(np.uint8)
    inner = slice(9, 23)
    back = through("Rotate", there, 9, -1)[inner, inner]
    assert np.abs(back - ramp[inner, inner].astype(int)).max() <= 16  # two pixels of the ramp
    # Against the clock, as pillow turns: the columns' ramp gets a part along rows.
    assert there[28, 16, 0] != there[4, 16, 0] and (there[28, 16, 0] > there[4, 16, 0]) != (
        through("Rotate", ramp, 9, -1)[28, 16, 0] > through("Rotate", ramp, 9, -1)[4, 16, 0]
    )


@pytest.mark.parametrize(("strength", "sign"), [(0, 1), (3, -1), (7, 1), (9, -1), (9, 1)])
def test_factors_of_brightness_contrast_and_colour(pixels: np.ndarray, strength: int, sign: int) -> None:
    """A mixture with black, with the mean grey, with the grey of each pixel, by ``1 +- strength / 10``; to one level."""
    factor = 1 + sign * strength / 10
    whole = pixels.astype(float)
    grey = (whole @ [0.299, 0.587, 0.114])[:, :, None]
    for name, base in (("Brightness", 0.0), ("Contrast", np.full((1, 1, 1), grey.mean())), ("Color", grey)):
        wanted = np.clip(base + factor * (whole - base), 0, 255)
        # pillow rounds greys to whole levels, and cuts the outcome off.
        assert np.abs(through(name, pixels, strength, sign) - wanted).max() <= 1 + abs(1 - factor), name


def test_sharpness(pixels: np.ndarray) -> None:
    """Flat areas stay; below factor 1 an edge gets softer, above it harder."""
    edge = np.full((32, 32, 3), 100, np.uint8)
    edge[:, 16:] = 150
    softer, harder = through("Sharpness", edge, 9, -1), through("Sharpness", edge, 9, 1)
    assert (softer[:, :14] == 100).all() and (harder[:, 18:] == 150).all()
    assert softer[10, 15, 0] > 100 > harder[10, 15, 0] and softer[10, 16, 0] < 150 < harder[10, 16, 0]
    assert (through("Sharpness", pixels, 0) == pixels).all()


def test_autocontrast_and_equalize() -> None:
    """Levels 50 to 145 are stretched to 0 to 255; an equalised level is the share of pixels below it."""
    ramp = np.repeat((50 + np.arange(32) * 95 // 31).astype(np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    stretched = through("AutoContrast", ramp, 0)
    assert np.abs(stretched - (ramp.astype(float) - 50) * 255 / 95).max() <= 1
    skewed = np.repeat((np.arange(32) ** 2 // 8).astype(np.uint8)[None, :, None], 32, 0).repeat(3, 2)
    counts = np.bincount(skewed[:, :, 0].ravel(), minlength=256)
    step = (1024 - counts[np.flatnonzero(counts)[-1]]) // 255
    table = np.minimum((step // 2 + np.cumsum(counts) - counts) // step, 255)
    spread = through("Equalize", skewed, 0)
    assert (spread == table[skewed]).all()
    assert spread[..., 0].min() == 0 and spread[..., 0].max() == 255


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_size_and_range(name: str, pixels: np.ndarray) -> None:
    for strength in range(10):
        for sign in (-1, 1):
            out = OPERATIONS[name](Image.fromarray(pixels), strength / 9, sign)
            assert out.size == (32, 32) and out.mode == "RGB"


# --- the policy ---


def test_the_policy_is_that_of_the_paper() -> None:
    assert len(POLICY) == 25
    used = Counter(name for pair in POLICY for name, _, _ in pair)
    assert set(used) == set(OPERATIONS) - {"ShearX"}  # the search for CIFAR-10 kept no shear along x
    assert all(0 <= probability <= 1 and 0 <= strength <= 9 for pair in POLICY for _, probability, strength in pair)
    assert POLICY[0] == (("Invert", 0.1, 7), ("Contrast", 0.2, 6))
    assert POLICY[-1] == (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 1))


def test_both_operations_are_done_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLICY", ((("Posterize", 1.0, 9), ("Invert", 1.0, 0)),))
    images = noise()
    wanted = 255 - images // 16 * 16
    assert torch.equal(autoaugment(images, generator()), wanted)
    monkeypatch.setattr(module, "POLICY", ((("Posterize", 0.0, 9), ("Invert", 0.0, 0)),))
    assert torch.equal(autoaugment(images, generator()), images)


def test_probabilities_pairs_and_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 2,000 images: shares within five standard errors."""
    monkeypatch.setattr(
        module, "POLICY", ((("Invert", 0.3, 0), ("Invert", 0.0, 0)), (("Brightness", 1.0, 9), ("Invert", 0.0, 0)))
    )
    images = torch.full((2000, 3, 2, 2), 100, dtype=torch.uint8)
    levels = Counter(autoaugment(images, generator())[:, 0, 0, 0].tolist())
    shares = {155: 0.5 * 0.3, 100: 0.5 * 0.7, 10: 0.25, 190: 0.25}
    assert set(levels) == set(shares)
    for level, share in shares.items():
        assert abs(levels[level] / 2000 - share) < 5 * (share * (1 - share) / 2000) ** 0.5


def test_draws_follow_the_generator() -> None:
    images = noise(40)
    first, second, other = (autoaugment(images, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, second) and not torch.equal(first, other)
    assert first.dtype == torch.uint8 and first.shape == images.shape and first.is_contiguous()
    assert torch.equal(images, noise(40))


def test_against_pillow_in_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels and rows are not mixed up: equalised images are pillow's, image by image."""
    monkeypatch.setattr(module, "POLICY", ((("Equalize", 1.0, 0), ("AutoContrast", 1.0, 0)),))
    images = noise(3) // 2
    for image, out in zip(images, autoaugment(images, generator()), strict=True):
        wanted = ImageOps.autocontrast(ImageOps.equalize(Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())))
        assert (out.permute(1, 2, 0).numpy() == np.asarray(wanted)).all()


@pytest.mark.parametrize("wrong", [noise().float(), noise()[:, :1], noise()[0]])
def test_other_images_are_refused(wrong: Tensor) -> None:
    with pytest.raises(TypeError, match=r"takes uint8 images \(n, 3, H, W\)"):
        autoaugment(wrong, generator())


def test_the_whole_augmentation() -> None:
    """Crop, flip, the policy and a hole, with one generator after another."""
    images = noise(8)
    steps = generator(5)
    wanted = cutout(autoaugment(crop_flip(images, steps), steps), steps)
    assert torch.equal(crop_flip_autoaugment_cutout(images, generator(5)), wanted)
    assert AUGMENTATIONS["crop_flip_autoaugment_cutout"] is crop_flip_autoaugment_cutout
    assert (wanted == 0).flatten(2).all(1).sum(1).min() >= 64  # a hole covers at least its quarter, 8 by 8
