"""Which folders are classes, in folders that the suite did not make."""

from __future__ import annotations

import copy
import os
import pickle
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import load_samples
from bench.data.base import Samples
from bench.data.folders.folder import read_folder
from bench.foundation.errors import DataError


def save(path: Path, value: int = 0, size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path, "PNG")
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    top = tmp_path / "pets"
    for label, name in enumerate(("ant", "cat", "dog")):
        for number in range(2):
            save(top / name / f"{number}.png", 10 * label + number)
    return top


def values(samples: Samples) -> list[tuple[int, int]]:
    """(label, value of the image) of every sample."""
    return list(zip(samples.labels.tolist(), samples.pixels[:, 0, 0, 0].tolist(), strict=True))


PETS = [(0, 0), (1, 10), (2, 20), (0, 1), (1, 11), (2, 21)]

LEFT_WITH_A_REMARK = ("__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information")
LEFT_WITHOUT = (".git", ".ipynb_checkpoints", ".Trash-1000")


@pytest.mark.parametrize("name", LEFT_WITH_A_REMARK + LEFT_WITHOUT)
@pytest.mark.parametrize("inside", ["", "x.png", "ant/x.png"])
def test_folders_that_nobody_made_move_no_label(pets: Path, name: str, inside: str) -> None:
    (pets / name).mkdir()
    if inside:
        save(pets / name / inside, 99)
    samples = read_folder(str(pets))
    assert values(samples) == PETS and samples.class_names == ("ant", "cat", "dog")
    assert [name in remark for remark in samples.remarks] == [True] * (name in LEFT_WITH_A_REMARK)


def test_such_folders_and_files_count_nowhere(pets: Path) -> None:
    save(pets / "ant" / "._0.png")
    save(pets / "ant" / ".ipynb_checkpoints" / "0-checkpoint.png")
    save(pets / "cat" / "@eaDir" / "0.png" / "SYNOFILE_THUMB_M.png")
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "Icon\r"):
        (pets / "dog" / name).write_bytes(b"\x00")
        (pets / name).write_bytes(b"\x00")
    samples = read_folder(str(pets))
    assert values(samples) == PETS and samples.remarks == ()


def test_what_is_left_out_is_said_once_by_the_loader(pets: Path) -> None:
    (pets / "__MACOSX").mkdir()
    with pytest.warns(UserWarning, match=r"^Left out of .*pets, because it holds no class: __MACOSX\.$") as raised:
        load_samples(f"folder:{pets}")
    assert len(raised) == 1


@pytest.mark.parametrize("content", [None, "notes.txt", ".hidden.png", "empty/"])
def test_an_empty_class_is_refused_by_name(pets: Path, content: str | None) -> None:
    (pets / "bee").mkdir()
    if content is not None and content.endswith("/"):
        (pets / "bee" / content).mkdir()
    elif content is not None:
        (pets / "bee" / content).write_text("")
    with pytest.raises(DataError, match=r"pets/bee holds no images\. Put images into it, remove it, or list"):
        read_folder(str(pets))


def test_classes_txt_says_what_an_empty_folder_is(pets: Path) -> None:
    (pets / "bee").mkdir()
    (pets / "classes.txt").write_text("ant\nbee\ncat\ndog\n")
    samples = read_folder(str(pets))
    assert samples.labels.tolist() == [0, 2, 3, 0, 2, 3] and samples.remarks == ()
    (pets / "classes.txt").write_text("\ufeffdog/\r\ncat\r\nant\r\n", encoding="utf-8")
    samples = read_folder(str(pets))
    assert samples.class_names == ("dog", "cat", "ant")
    assert samples.remarks == (f"Left out of {pets}, because it holds no class: bee.",)


def test_splits_are_not_classes(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    pets.rename(tmp_path / "set" / "train")
    save(tmp_path / "set" / "Test" / "ant" / "0.png")
    with pytest.raises(DataError, match=r"set holds splits \(Test, train\), not classes\. Name one: folder:.*set/Test"):
        read_folder(str(tmp_path / "set"))
    assert values(read_folder(str(tmp_path / "set" / "train"))) == PETS
    save(tmp_path / "vehicles" / "train" / "0.png")
    assert read_folder(str(tmp_path / "vehicles")).class_names == ("train",), "a vehicle"


@pytest.mark.parametrize("direct", [False, True])
def test_images_below_class_folders_are_refused(pets: Path, direct: bool) -> None:
    save(pets / "cat" / "siamese" / "0.png")
    if not direct:
        for path in (pets / "cat").glob("*.png"):
            path.unlink()
    with pytest.raises(DataError, match=r"cat/siamese holds images, two folders below .*pets\. If 'cat' is the class"):
        read_folder(str(pets))


def test_a_folder_within_the_folder_of_an_archive(pets: Path) -> None:
    with pytest.raises(DataError, match=r"If 'pets' is the class, .*; if 'ant' is, use folder:.*/pets\."):
        read_folder(str(pets.parent))


def test_tiny_imagenet_keeps_images_one_folder_deeper(tmp_path: Path) -> None:
    for label, name in enumerate(("n01443537", "n01629819")):
        save(tmp_path / name / "images" / f"{name}_0.JPEG", label)
        (tmp_path / name / f"{name}_boxes.txt").write_text("")
    samples = read_folder(str(tmp_path))
    assert samples.class_names == ("n01443537", "n01629819") and samples.labels.tolist() == [0, 1]


def test_links_are_followed_and_loops_are_not(pets: Path, tmp_path: Path) -> None:
    elsewhere = save(tmp_path / "elsewhere" / "0.png", 77).parent
    save(elsewhere / "1.png")
    (pets / "eel").symlink_to(elsewhere)
    (pets / "ant" / "linked.png").symlink_to(elsewhere / "0.png")
    samples = read_folder(str(pets))
    assert (3, 77) in values(samples) and (0, 77) in values(samples)
    (pets / "ant" / "loop").symlink_to(pets / "ant")
    with pytest.raises(DataError, match="two folders below"):
        read_folder(str(pets))
    (pets / "ant" / "loop").unlink()
    (elsewhere / "0.png").unlink()
    with pytest.raises(DataError, match="a link to nothing"):
        read_folder(str(pets))


def test_other_files_among_images(pets: Path) -> None:
    (pets / "README.md").write_text("")
    (pets / "ant" / "boxes.xml").write_text("")
    (pets / "cat" / "LICENCE").write_text("")
    save(pets / "overview.png")
    samples = read_folder(str(pets))
    assert values(samples) == PETS
    stray, others = samples.remarks
    assert stray == f"Left out: 1 images that lie in no class folder, {pets / 'overview.png'} first."
    assert others.startswith("Left out: 2 files in class folders that are no images (.xml, without ending), ")
    (pets / "ant" / "moves.GIF").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match=r"moves\.GIF is of a kind that is not read"):
        read_folder(str(pets))


def test_endings_of_any_case(tmp_path: Path) -> None:
    for name in ("a.PNG", "b.Png", "c.png"):
        save(tmp_path / "x" / name)
    (tmp_path / "x" / "d.png").mkdir()
    assert len(read_folder(str(tmp_path))) == 3


def test_folders_without_class_folders(tmp_path: Path) -> None:
    save(tmp_path / "0.png")
    with pytest.raises(DataError, match=r"holds images, but no class folders.*scores\.csv"):
        read_folder(str(tmp_path))


def test_names_sort_alike_however_a_system_stores_them(tmp_path: Path) -> None:
    names = ("ente", "\u00e9l\u00e9phant", "fisch")  # composed: behind all plain letters
    for form in ("NFC", "NFD"):
        for name in names:
            save(tmp_path / form / unicodedata.normalize(form, name) / "0.png")
    composed, decomposed = (read_folder(str(tmp_path / form)) for form in ("NFC", "NFD"))
    assert composed.class_names == decomposed.class_names == ("ente", "fisch", "\u00e9l\u00e9phant")
    save(tmp_path / "NFC" / unicodedata.normalize("NFD", names[1]) / "0.png")
    with pytest.raises(DataError, match="two Unicode forms"):
        read_folder(str(tmp_path / "NFC"))


def test_numbered_classes_are_remarked_where_text_order_is_another(tmp_path: Path) -> None:
    for number in range(11):
        save(tmp_path / str(number) / "0.png", number)
    samples = read_folder(str(tmp_path))
    assert samples.class_names[2] == "10"
    assert len(samples.remarks) == 1 and "label 2 is folder '10'" in samples.remarks[0]
    (tmp_path / "classes.txt").write_text("\n".join(map(str, range(11))))
    samples = read_folder(str(tmp_path))
    assert values(samples) == [(number, number) for number in range(11)] and samples.remarks == ()
    (tmp_path / "10").rename(tmp_path / "0-9")
    (tmp_path / "classes.txt").unlink()
    assert read_folder(str(tmp_path)).remarks == ()


@pytest.mark.parametrize("option", ["size=0", "size=axb", "crop=", "sise=3", "size=4,crop=2", "size=10000"])
def test_options_that_are_none(pets: Path, option: str) -> None:
    with pytest.raises(DataError, match=r"is no option of a folder|is not a folder"):
        read_folder(f"{pets},{option}")


def test_a_crop_and_a_folder_with_a_comma(pets: Path) -> None:
    assert read_folder(f"{pets},crop=4").pixels.shape == (6, 3, 4, 4)
    with pytest.raises(DataError, match="smaller than the crop of 5"):
        read_folder(f"{pets},crop=5")
    odd = pets.rename(pets.parent / "a,size=3")
    assert read_folder(str(odd)).pixels.shape == (6, 3, 4, 6)


def test_paths_that_no_system_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in ("x" * 5000, "a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(DataError):
            read_folder(spec)
    odd = os.fsdecode(b"n\xff\nm")
    save(tmp_path / odd / "ant" / "0.png")
    monkeypatch.chdir(tmp_path / odd)
    samples = read_folder(".")
    assert samples.name == r"folder:n\udcff\nm" and samples.name.encode()
    with pytest.raises(DataError, match=r"n\\udcff\\nm/x is not a folder") as raised:
        read_folder(str(tmp_path / odd / "x"))
    assert str(raised.value).encode() and "\n" not in str(raised.value)


def test_a_folder_that_may_not_be_read(pets: Path) -> None:
    (pets / "ant").chmod(0)
    try:
        if os.access(pets / "ant", os.R_OK):
            pytest.skip("root reads everything")
        with pytest.raises(DataError, match="cannot be listed"):
            read_folder(str(pets))
    finally:
        (pets / "ant").chmod(0o700)


def test_pixels_are_read_when_they_are_asked_for(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import bench.data.images.rows as rows

    read: list[str] = []
    original = rows.read_pixels
    monkeypatch.setattr(rows, "read_pixels", lambda path, fit: read.append(path.name) or original(path, fit))
    samples = read_folder(str(pets))
    assert samples.shape == (6, 3, 4, 6) and len(samples) == 6 and samples.nbytes_per_row == 72
    part = samples[2:4]
    assert part.shape == (2, 3, 4, 6) and part.ids.tolist() == [2, 3] and read == []
    assert values(part) == PETS[2:4] and len(read) == 2
    first = samples.sha256()
    assert samples.sha256() == first and len(read) == 8, "the hash is taken once"


def test_lazy_samples_are_those_in_memory(pets: Path) -> None:
    lazy = read_folder(str(pets))
    memory = Samples(lazy.pixels, lazy.labels, lazy.ids, "x", "test")
    for chosen in (slice(None), slice(1, 5), torch.tensor([5, 0, 0]), memory.labels == 1):
        assert lazy[chosen].sha256() == memory[chosen].sha256()
        assert torch.equal(lazy[chosen].images, memory[chosen].images)
    assert torch.equal(copy.deepcopy(lazy)[1:3].pixels, memory[1:3].pixels)
    assert pickle.dumps(lazy), "other processes may read"


def test_a_file_that_changes_during_a_run_is_noticed(pets: Path) -> None:
    samples = read_folder(str(pets))
    samples.sha256()
    save(pets / "cat" / "0.png", 200, size=(12, 8))
    assert values(samples[:1]) == PETS[:1]
    with pytest.raises(DataError, match=r"cat/0\.png was changed while it was in use"):
        _ = samples.images
    (pets / "cat" / "0.png").unlink()
    with pytest.raises(DataError, match=r"cat/0\.png cannot be read"):
        _ = samples.images


def test_16_bits_among_8_make_the_set_floating_point(pets: Path) -> None:
    Image.fromarray(np.full((4, 6), 257 * 3 + 1, np.uint16)).save(pets / "ant" / "deep.png")
    samples = read_folder(str(pets))
    assert samples.pixels.dtype == torch.float32 and samples.shape == (7, 3, 4, 6)
    torch.testing.assert_close(samples[torch.tensor([3])].images[0, 0, 0, 0], torch.tensor(1 / 255))
    torch.testing.assert_close(samples.images[6, :, 0, 0], torch.full((3,), (257 * 3 + 1) / 65535))
