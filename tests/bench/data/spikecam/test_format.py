"""The ``.dat`` format: bit for bit what an independent packer writes, in bounded memory, and what is said of damage."""

from __future__ import annotations

import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from support.spike_recordings import packed_by_hand, put_recording

from bench.data.spikecam.config import CONFIG, read_geometry
from bench.data.spikecam.counting import AT_ONCE, count_spikes
from bench.data.spikecam.geometry import FIRST, SECOND, Geometry
from bench.data.spikecam.packed import Planes, pack, unpack
from bench.data.spikecam.stream import SpikeStream
from bench.data.spikecam.writer import write_recording
from bench.foundation.errors import DataError

SMALL = Geometry(4, 6, 6)
COLUMNS = {
    FIRST: list(range(400)),
    SECOND: [*range(500), *range(512, 1000), *range(1012, 1024)],
    SMALL: list(range(6)),
}
GEOMETRIES = pytest.mark.parametrize("geometry", COLUMNS, ids=["first", "second", "small"])


def random_planes(geometry: Geometry, ticks: int = 3, share: float = 0.02, seed: int = 0) -> Planes:
    rng = np.random.default_rng(seed)
    return rng.random((ticks, geometry.height, geometry.width)) < share


@GEOMETRIES
def test_what_another_packer_wrote_is_read(geometry: Geometry, tmp_path: Path) -> None:
    planes = random_planes(geometry)
    content = packed_by_hand(planes, geometry.stored_width, COLUMNS[geometry])
    stream = SpikeStream.open(put_recording(tmp_path, content, geometry.height, geometry.width))
    assert len(stream) == 3 and stream.geometry == geometry
    np.testing.assert_array_equal(stream.planes(0, 3), planes)
    np.testing.assert_array_equal(stream.planes(1, 2), planes[1:2])
    assert stream.planes(2, 2).shape == (0, geometry.height, geometry.width)


@GEOMETRIES
def test_what_is_written_is_what_another_packer_writes(geometry: Geometry, tmp_path: Path) -> None:
    planes = random_planes(geometry, seed=1)
    path = tmp_path / "spikes.dat"
    assert write_recording(path, iter((planes[:1], planes[1:].astype(np.float32))), geometry) == 3
    assert path.read_bytes() == packed_by_hand(planes, geometry.stored_width, COLUMNS[geometry])
    np.testing.assert_array_equal(SpikeStream.open(path).planes(0, 3), planes)
    assert sorted(file.name for file in tmp_path.iterdir()) == [CONFIG, "spikes.dat"]


def test_plane_sizes_are_the_published_ones() -> None:
    assert (FIRST.plane_bytes, SECOND.plane_bytes) == (12_500, 128_000)


@pytest.mark.parametrize("bottom_up", [True, False])
def test_other_idle_columns_and_orders_of_rows_survive(bottom_up: bool, tmp_path: Path) -> None:
    geometry = Geometry(3, 10, 16, ((5, 8), (13, 16)), bottom_up)
    planes = random_planes(geometry, share=0.5)
    write_recording(tmp_path / "spikes.dat", [planes], geometry)
    stream = SpikeStream.open(tmp_path / "spikes.dat")
    assert stream.geometry == geometry
    np.testing.assert_array_equal(stream.planes(0, 3), planes)
    rows = np.unpackbits(stream.packed(0, 1)[0], bitorder="little").reshape(3, 16)
    assert not rows[:, [5, 6, 7, 13, 14, 15]].any()
    np.testing.assert_array_equal(rows[0, :5], planes[0, 2 if bottom_up else 0, :5])


@pytest.mark.parametrize("ticks", [0, 1, 2, 3, 7, 64, AT_ONCE + 5])
def test_spikes_are_counted_without_unpacking(ticks: int) -> None:
    planes = random_planes(SMALL, ticks, share=0.6)
    counts = count_spikes(pack(planes, SMALL)).reshape(4, 6)[::-1]
    np.testing.assert_array_equal(counts, planes.sum(0))


def test_a_long_recording_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """A sparse file of 1 GB; what is mapped costs nothing until it is looked at, and blocks are 8 MB."""
    path = put_recording(tmp_path, b"", FIRST.height, FIRST.width)
    with path.open("wb") as file:
        file.truncate(80_000 * FIRST.plane_bytes)
    tracemalloc.start()
    stream = SpikeStream.open(path)
    assert len(stream) == 80_000
    sizes = [len(block) for block in stream.blocks()]
    assert sum(sizes) == 80_000 and max(sizes) * FIRST.plane_bytes <= 8 * 2**20
    assert not stream.planes(79_990, 80_000).any()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20


def refused(path: Path, *words: str) -> None:
    with pytest.raises(DataError) as caught:
        SpikeStream.open(path)
    for word in words:
        assert word in caught.value.what
    assert "\n" not in str(caught.value)
    assert caught.value.what.endswith(".") and caught.value.fix.endswith(".")


def test_files_that_are_none(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.dat", "is no file")
    refused(tmp_path, "is no file")
    lonely = tmp_path / "lonely.dat"
    lonely.write_bytes(bytes(12_500))
    refused(lonely, "There is no config.yaml beside")
    refused(put_recording(tmp_path, b"", 250, 400), "is empty")
    refused(put_recording(tmp_path, bytes(12_501), 250, 400), "12,501 bytes", "no whole number of planes of 250 x 400")
    refused(put_recording(tmp_path, bytes(12_500), 250, 416), "no whole number of planes of 250 x 416")
    refused(put_recording(tmp_path, bytes(125_000), 1000, 1000), "128,000 bytes each")


@pytest.mark.parametrize(
    ("config", "words"),
    {
        "": "holds no keys and values",
        "- 250\n- 400\n": "holds no keys and values",
        "spike_h: 250": "no whole number under spike_w",
        "spike_h: 250.0\nspike_w: 400": "no whole number under spike_h",
        "spike_h: true\nspike_w: 400": "no whole number under spike_h",
        "spike_h: '250'\nspike_w: 400": "no whole number under spike_h",
        "spike_h: 0\nspike_w: 400": "spike_h is 0",
        "spike_h: -250\nspike_w: 400": "spike_h is -250",
        "spike_h: 250\nspike_w: 99999999999999999999": "which is not from 1 to 8,192",
        "spike_h: 3\nspike_w: 3": "no whole number of bytes",
        "spike_h: [": "is no YAML",
        "spike_h: 2020-99-99": "is no YAML",
        "!!python/object/apply:os.getcwd []": "is no YAML",
        "spike_h: !!timestamp x": "is no YAML",
        'spike_h: !!int ""': "is no YAML",
        "spike_h: &a [*a]": "is no YAML",
        "spike_h: 250\nspike_w: 400\nrows: sideways": "rows other than",
        "spike_h: 250\nspike_w: 400\nidle_columns: [[0, 8, 9]]": "no list of pairs",
        "spike_h: 250\nspike_w: 400\nidle_columns: 8": "no list of pairs",
        "spike_h: 250\nspike_w: 400\nidle_columns: [[8, 0]]": "idle columns outside",
        "spike_h: 250\nspike_w: 400\nidle_columns: [[500, 512]]": "idle columns outside",
        "spike_h: 250\nspike_w: 400\nidle_columns: [[0, 8], [0, 8]]": "408 columns with pixels",
    }.items(),
)
def test_configurations_that_are_none(config: str, words: str, tmp_path: Path) -> None:
    path = put_recording(tmp_path, bytes(12_500), 250, 400)
    (tmp_path / CONFIG).write_text(config)
    refused(path, words)


def test_configurations_that_are_no_text_or_too_large(tmp_path: Path) -> None:
    path = put_recording(tmp_path, bytes(12_500), 250, 400)
    (tmp_path / CONFIG).write_bytes(b"spike_h: \xff\xfe")
    refused(path, "is no YAML")
    (tmp_path / CONFIG).write_bytes(b"#" * 70_000)
    refused(path, "larger than a configuration")
    (tmp_path / CONFIG).write_bytes(b"[" * 60_000)
    refused(path, "is no YAML")


def test_a_changed_file_and_planes_beyond_the_end(tmp_path: Path) -> None:
    path = put_recording(tmp_path, bytes(30), 4, 6)
    stream = SpikeStream.open(path)
    with pytest.raises(DataError, match="has 10 planes, and 5 to 11 were asked for"):
        stream.planes(5, 11)
    path.write_bytes(bytes(27))
    with pytest.raises(DataError, match="was changed while it was in use"):
        stream.planes(0, 2)


def test_planes_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "spikes.dat"
    for planes, words in ((np.zeros((2, 6, 4)), "not 2 x 6 x 4"), (np.full((1, 4, 6), 2), "other values than 0 and 1")):
        with pytest.raises(ValueError, match=words):
            write_recording(path, [planes], SMALL)
    with pytest.raises(DataError, match="There are no planes to write"):
        write_recording(path, [], SMALL)
    assert [file.name for file in tmp_path.iterdir()] == [CONFIG]
    with pytest.raises(DataError, match="describes planes of another size"):
        write_recording(path, [np.zeros((1, 8, 6))], Geometry(8, 6, 6))
    with pytest.raises(DataError, match="cannot be written"):
        write_recording(tmp_path / "nowhere" / "spikes.dat", [np.zeros((1, 4, 6))], SMALL)


def mutated(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(changed) + 1)
        match rng.randrange(4):
            case 0:
                changed[place:place] = rng.randbytes(rng.randint(1, 9))
            case 1:
                del changed[place : place + rng.randint(1, 9)]
            case 2 if place < len(changed):
                changed[place] = rng.randrange(256)
            case _:
                changed = changed[:place]
    return bytes(changed)


@pytest.mark.slow
def test_two_thousand_damaged_recordings_leave_no_traceback(tmp_path: Path) -> None:
    """Damage to the file or to its configuration is refused in a sentence, or leaves planes of the size it says."""
    rng = random.Random(7)
    content = bytes(rng.randbytes(30))
    path = put_recording(tmp_path, content, 4, 6)
    config = (tmp_path / CONFIG).read_bytes() + b"rows: top_down\nidle_columns: [[0, 1], [3, 4]]\n"
    outcomes, sentences = {"read": 0, "refused": 0}, set[str]()
    for number in range(2000):
        path.write_bytes(mutated(content, rng) if number % 2 else content)
        (tmp_path / CONFIG).write_bytes(config if number % 2 and number % 4 == 1 else mutated(config, rng))
        try:
            stream = SpikeStream.open(path)
            planes = stream.planes(0, len(stream))
        except DataError as error:
            sentences.add(str(error))
            outcomes["refused"] += 1
        else:
            assert planes.shape == (len(stream), stream.geometry.height, stream.geometry.width)
            np.testing.assert_array_equal(unpack(pack(planes, stream.geometry), stream.geometry), planes)
            outcomes["read"] += 1
    assert min(outcomes.values()) > 100, outcomes
    assert not any("\n" in sentence for sentence in sentences)


def test_a_configuration_may_have_a_mark_of_its_encoding(tmp_path: Path) -> None:
    path = put_recording(tmp_path, bytes(12_500), 250, 400)
    (tmp_path / CONFIG).write_bytes(b"\xef\xbb\xbfspike_h: 250\nspike_w: 400\nlabeled_data_type: [4, 5]\n")
    assert read_geometry(path) == FIRST
