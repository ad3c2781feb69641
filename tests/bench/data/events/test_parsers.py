"""Parsers of event recordings: what they read, and what they say of damage."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.aedat4_files import aedat4
from support.recordings import AEDAT3_HEADER, aedat2, aedat3, atis, events, npy, npz, packet, put

from bench.data.events.aedat2 import parse_aedat2
from bench.data.events.aedat3 import Gesture, parse_aedat3, parse_labels
from bench.data.events.atis import parse_atis
from bench.data.events.numpy_files import parse_npy, parse_npz
from bench.data.events.reader import read_events
from bench.data.events.recording import Events, Sensor
from bench.foundation.errors import DataError

SMALL, LARGE = Sensor(34, 34), Sensor(128, 128)


def same(first: Events, second: Events) -> None:
    for name in "txyp":
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_atis_by_hand() -> None:
    read = parse_atis(bytes([7, 33, 0x80 | 0x12, 0x34, 0x56, 8, 0, 0x12, 0x34, 0x57]), SMALL)
    assert (read.x.tolist(), read.y.tolist(), read.p.tolist()) == ([7, 8], [33, 0], [1, 0])
    assert read.t.tolist() == [0x123456, 0x123457]


def test_atis_overflow() -> None:
    read = parse_atis(bytes([1, 2, 0, 0, 9, 0, 240, 0, 0, 0, 1, 2, 0, 0, 3, 0, 240, 0, 0, 0, 1, 2, 0, 0, 0]), SMALL)
    assert read.t.tolist() == [9, 8192 + 3, 2 * 8192] and len(read) == 3


def test_aedat2_by_hand() -> None:
    content = b"#!AER-DAT2.0\r\n# x\n" + struct.pack(
        ">8I", 0, 5, 3 << 8 | 2 << 1 | 1, 6, 0x8000, 7, 127 << 8 | 127 << 1, 2**32 - 1
    )
    read = parse_aedat2(content)
    assert read.x.tolist() == [127, 124, 0] and read.y.tolist() == [127, 125, 0]
    assert read.p.tolist() == [1, 0, 1] and read.t.tolist() == [5, 6, 2**32 - 1]


def test_aedat3_by_hand() -> None:
    word = 5 << 17 | 9 << 2 | 1 << 1 | 1
    content = AEDAT3_HEADER + struct.pack("<hhiiiiiiII", 1, 0, 8, 4, 1, 1, 1, 1, word, 77)
    read = parse_aedat3(content)
    assert (read.x.tolist(), read.y.tolist(), read.p.tolist(), read.t.tolist()) == ([5], [9], [1], [2**31 + 77])


def test_every_format_gives_the_same_events() -> None:
    small, large = events(), events(side=128)
    same(parse_atis(atis(small), SMALL), small)
    same(parse_npz(npz(small), SMALL), small)
    same(parse_aedat2(aedat2(large)), large)
    same(parse_aedat3(aedat3(large)), large)
    same(parse_npy(npy(large), LARGE), large)


def test_aedat3_in_parts() -> None:
    given = events(1000, side=128)
    content = aedat3(given, per_packet=10)
    for start, stop in ((0, 10**6), (50_000, 60_000), (int(given.t[7]), int(given.t[8]) + 1)):
        same(parse_aedat3(content, start, stop), given.between(start, stop))
    with pytest.raises(ValueError, match="no events between 1 and 2"):
        parse_aedat3(content, 1, 2)


def test_aedat3_leaves_out_what_is_not_valid_or_not_used() -> None:
    given = events(6, side=128)
    content = AEDAT3_HEADER + packet(given, valid=0) + packet(given, spare=3)
    same(parse_aedat3(content), given)


def test_labels() -> None:
    text = "class,startTime_usec,endTime_usec\r\n1,100,200\r\n11, 200,300\r\n\r\n"
    assert parse_labels(text) == [Gesture(0, 100, 200), Gesture(10, 200, 300)]
    for bad, sentence in (
        ("class,start,end\n", "no gesture"),
        ("1,2\n", "line 1"),
        ("h\n1,2,x\n", "line 2"),
        ("h\n12,1,2\n", "class 12"),
        ("h\n1,5,5\n", "from 5 to 5"),
        ("h\n1,-5,5\n", "line 2"),
        ("h\n1,5,²\n", "line 2"),
    ):
        with pytest.raises(ValueError, match=sentence):
            parse_labels(bad)


def swapped(given: Events) -> Events:
    return Events(given.t[::-1], given.x, given.y, given.p)


def moved(given: Events) -> Events:
    return Events(given.t, given.x + 100, given.y, given.p)


def replaced(**columns: object) -> bytes:
    file = io.BytesIO()
    given = {"t": np.arange(3), "x": np.zeros(3), "y": np.zeros(3), "p": np.zeros(3)} | columns
    np.savez(file, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    return file.getvalue()


def promising(shape: str) -> bytes:
    """An .npy whose header promises more than follows."""
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(64)


BAD: list[tuple[str, bytes, str]] = [
    ("a.bin", b"", "holds no events"),
    ("a.bin", atis(events())[:-1], "cut short"),
    ("a.bin", atis(events(side=128)), "outside of 34 x 34 pixels.*another camera"),
    ("a.bin", atis(swapped(events())), "goes back in time at event 1, from"),
    ("a.bin", bytes([0, 240, 0, 0, 0]), "holds no events"),
    ("a.aedat", b"", "no AEDAT 2.0 file"),
    ("a.aedat", b"#!AER-DAT2.0", "within its header"),
    ("a.aedat", b"#!AER-DAT2.0\r\n", "holds no events"),
    ("a.aedat", aedat2(events(side=128))[:-3], "last event is not whole"),
    ("a.aedat", aedat2(swapped(events(side=128))), "goes back in time"),
    ("a.aedat", b"#!AER-DAT2.0\n" + struct.pack(">2I", 1 << 20, 1), "another camera"),
    ("a.aedat", b"#!AER-DAT3.1\r\n#x\r\n", "header has no end"),
    ("a.aedat", AEDAT3_HEADER, "holds no events"),
    ("a.aedat", aedat3(events(side=128))[:-3], "last packet is not whole"),
    ("a.aedat", aedat3(events(side=128)) + b"1234", "within the header of a packet"),
    ("a.aedat", AEDAT3_HEADER + packet(events(3), size=16), "16 bytes instead of 8|not whole"),
    ("a.aedat", AEDAT3_HEADER + struct.pack("<hhiiiiii", 1, 0, 0, 4, 0, 2**31 - 1, 1, 1), "makes no sense"),
    ("a.aedat", AEDAT3_HEADER + struct.pack("<hhiiiiii", 1, 0, 8, 4, 0, 2**31 - 1, 2**31 - 1, 1), "not whole"),
    ("a.aedat", AEDAT3_HEADER + packet(moved(events(side=128))), "outside of 128 x 128"),
    ("a.aedat", AEDAT3_HEADER + packet(swapped(events(9))), "goes back in time"),
    ("a.npz", b"PK", "no whole .npz file"),
    ("a.npz", replaced(p=None), "has not the columns"),
    ("a.npz", replaced(t=np.arange(4)), "different lengths"),
    ("a.npz", replaced(t=np.zeros((3, 1))), "different lengths"),
    ("a.npz", replaced(t=np.array(["a", "b", "c"])), "does not hold the numbers it promises"),
    ("a.npz", replaced(t=np.array([0, 1, np.nan])), "none of events"),
    ("a.npz", replaced(p=np.array([0, 1, 2])), "polarities other than 0 and 1"),
    ("a.npz", replaced(x=np.array([0, -1, 0])), "outside of"),
    ("a.npy", npy(events())[:-8], "does not hold the numbers it promises"),
    ("a.npy", promising("(4611686018427387904, 4)"), "does not hold the numbers"),
    ("a.npy", promising("(-2, -4)"), "does not hold the numbers"),
    ("a.npy", promising("((2, 4)"), "no numpy array"),
    ("a.npy", promising("(8,)"), "rows of x, y"),
    ("a.txt", b"x", "of no format that is read"),
]


@pytest.mark.parametrize(("name", "content", "sentence"), BAD, ids=[f"{name} {sentence}" for name, _, sentence in BAD])
def test_damage_is_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = put(tmp_path / name, content)
    with pytest.raises(DataError, match=sentence) as raised:
        read_events(path, LARGE if name == "a.aedat" else SMALL)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.savez(file, t=np.array([{}], dtype=object), x=np.zeros(1), y=np.zeros(1), p=np.zeros(1))
    with pytest.raises(DataError, match="does not hold the numbers"):
        read_events(put(tmp_path / "a.npz", file.getvalue()), SMALL)


def test_a_zip_that_unpacks_without_end_takes_no_memory(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in "txyp":
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                for _ in range(40):
                    member.write(bytes(1 << 22))
    path = put(tmp_path / "a.npz", file.getvalue())
    tracemalloc.start()
    with pytest.raises(DataError, match="more than 512 MB of events"):
        read_events(path, SMALL)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


@pytest.mark.slow
def test_mutated_files_are_read_or_refused(tmp_path: Path) -> None:
    """2,400 files in six formats with bytes changed, cut or repeated: no other exception, and memory of their own size."""
    rng = np.random.default_rng(0)
    makers: list[tuple[str, Callable[[Events], bytes], Sensor]] = [
        ("a.bin", atis, SMALL),
        ("b.aedat", aedat2, LARGE),
        ("c.aedat", aedat3, LARGE),
        ("d.npz", npz, SMALL),
        ("e.npy", npy, LARGE),
        ("f.aedat4", aedat4, LARGE),
    ]
    outcomes = {"read": 0, "refused": 0}
    tracemalloc.start()
    for number in range(2400):
        name, make, sensor = makers[number % len(makers)]
        content = bytearray(make(events(100, side=34, seed=number % 7)))
        for _ in range(rng.integers(1, 5)):
            content[rng.integers(0, len(content))] = rng.integers(0, 256)
        if rng.random() < 0.3:
            del content[rng.integers(0, len(content)) :]
        elif rng.random() < 0.2:
            content += content[rng.integers(0, len(content)) :]
        path = put(tmp_path / name, bytes(content))
        try:
            read = read_events(path, sensor, (2_000, 200_000) if name[0] == "c" and number % 2 else None)
        except DataError:
            outcomes["refused"] += 1
        else:
            outcomes["read"] += 1
            assert len(read) and bool((np.diff(read.t) >= 0).all())
            assert read.x.min() >= 0 and read.x.max() < sensor.width and read.p.max() <= 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert min(outcomes.values()) > 200, outcomes
    assert peak < 1 << 24, peak
