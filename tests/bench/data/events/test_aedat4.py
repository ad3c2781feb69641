"""AEDAT 4: files of iniVation's own library, files written byte by byte, and what is said of damage."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from support.aedat4_files import CAMERA, COMPRESSIONS, aedat4, aedat4_file, description, event_packet, header
from support.recordings import events, put

from bench.data.events import aedat4 as module
from bench.data.events.aedat4 import camera_of_aedat4, parse_aedat4
from bench.data.events.reader import read_events
from bench.data.events.recording import Events, Sensor
from bench.foundation.errors import DataError

RECORDED = Path(__file__).parent / "recorded"


def same(first: Events, second: Events) -> None:
    for name in "txyp":
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def test_by_hand() -> None:
    row = struct.pack("<qhhBxxx", 2**40 + 5, 7, 33, 1) + struct.pack("<qhhBxxx", 2**40 + 6, 0, 127, 0)
    content = struct.pack("<I4s3HxxiII", 16, b"EVTS", 6, 8, 4, 8, 4, 2) + row
    read = parse_aedat4(aedat4_file([(0, struct.pack("<I", len(content)) + content)], description()), CAMERA)
    assert read.t.tolist() == [2**40 + 5, 2**40 + 6]
    assert (read.x.tolist(), read.y.tolist(), read.p.tolist()) == ([7, 0], [33, 127], [1, 0])


@pytest.mark.parametrize("name", ["lz4", "zstd"])
def test_files_of_the_makers_of_the_cameras(name: str) -> None:
    """``recorded/`` was written by dv-processing 2.0.4, with images, triggers and motion among the events."""
    path = RECORDED / f"{name}.aedat4"
    assert camera_of_aedat4(path.read_bytes()) == Sensor(128, 160)
    same(read_events(path, Sensor(128, 160)), events(side=128))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_compression_gives_the_same_events(compression: str) -> None:
    same(parse_aedat4(aedat4(events(side=128), compression), CAMERA), events(side=128))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_another_decoder_reads_the_same(compression: str, tmp_path: Path) -> None:
    oracle = pytest.importorskip("aedat", reason="the package aedat is not installed")
    given = events(1000, side=120, seed=5, span=2**41)
    path = put(tmp_path / "a.aedat4", aedat4(given, compression, Sensor(120, 200), per_packet=77))
    decoder = oracle.Decoder(path)
    assert decoder.id_to_stream() == {0: {"type": "events", "width": 200, "height": 120}}
    rows = np.concatenate([packet["events"] for packet in decoder])
    read = read_events(path, Sensor(120, 200))
    for name, column in zip("txyp", ("t", "x", "y", "on"), strict=True):
        np.testing.assert_array_equal(getattr(read, name), rows[column].astype(np.int64))


def test_other_streams_are_passed_over() -> None:
    given = events(50, side=128)
    packets = [(0, b"no flatbuffer"), (1, event_packet(given)), (2, b"")]
    same(parse_aedat4(aedat4_file(packets, description(["BBOX", "EVTS", "FRME"])), CAMERA), given)


def test_one_stream_of_events_is_read_where_the_others_are_empty() -> None:
    given = events(50, side=128)
    packets = [(0, event_packet(given.between(0, 0))), (1, event_packet(given)), (0, event_packet(given))]
    same(parse_aedat4(aedat4_file(packets[:2], description(["EVTS", "EVTS"])), CAMERA), given)
    with pytest.raises(ValueError, match="has events of streams 0 and 1: export one of them alone"):
        parse_aedat4(aedat4_file(packets, description(["EVTS", "EVTS"])), CAMERA)


def test_a_recording_that_was_broken_off_between_packets_is_read() -> None:
    given = events(50, side=128)
    same(parse_aedat4(aedat4_file([(0, event_packet(given))], description(), broken_off=True), CAMERA), given)


def test_a_camera_that_the_header_does_not_name_is_taken_as_given() -> None:
    content = aedat4(events(side=128), camera=None)
    assert camera_of_aedat4(content) is None
    same(parse_aedat4(content, CAMERA), events(side=128))


def one(content: bytes, text: str = description(camera=CAMERA), compression: str = "none") -> bytes:
    """A file of one packet."""
    return aedat4_file([(0, content)], text, compression)


def changed(content: bytes, at: int, form: str, number: int) -> bytes:
    """The same with one number replaced."""
    return content[:at] + struct.pack(form, number) + content[at + struct.calcsize(form) :]


GOOD = event_packet(events(5, side=128))
FILE = aedat4(events(5, side=128), "none")
BAD: list[tuple[bytes, str]] = [
    (b"", "no AEDAT 4 file"),
    (b"#!AER-DAT3.1\r\n", "no AEDAT 4 file"),
    (b"#!AER-DAT4.0\r\n\1", "cut short within its header"),
    (b"#!AER-DAT4.0\r\n\xff\xff\xff\xff", "a header of 4,294,967,295 bytes"),
    (header(description(), "none", -1)[:-1], "cut short within its header"),
    (header(description(), "none", -1), "holds no events"),
    (header(description(), "none", 20), "the end of its packets before their beginning"),
    (header(description(), "none", 10**6), "cut short: it has [0-9]+ bytes, and its packets end at byte 1,000,000"),
    (FILE.replace(b"IOHE", b"IOHX"), "not marked IOHE"),
    (changed(FILE, 18, "<I", 2**31), "an offset in it points outside"),
    (changed(FILE, 18 + 8, "<H", 3), "an offset in it points outside"),
    (changed(FILE, 18 + 24 + 4, "<i", 5), r"compressed in a way that is not known \(5\)"),
    (changed(FILE, 18 + 24 + 16, "<I", 2**32 - 1), "an offset in it points outside"),
    (one(GOOD, "<dv"), "list of streams is no XML"),
    (one(GOOD, "<!DOCTYPE dv [<!ENTITY a 'b'>]><dv>&a;</dv>"), "list of streams is no XML"),
    (one(GOOD, "<dv/>"), "no stream of events"),
    (one(GOOD, description(["FRME"])), "no stream of events"),
    (one(GOOD, description().replace('name="0"', 'name="first"')), "a stream without a number"),
    (one(GOOD, description(camera=Sensor(0, 9))), "gives its camera no size"),
    (one(GOOD, description(camera=Sensor(260, 346))), "is of a camera of 260 x 346 pixels instead of 128 x 128"),
    (aedat4_file([(3, GOOD)], description()), "a packet of stream 3, which its header does not list"),
    (one(event_packet(events(5).between(0, 0))), "holds no events"),
    (one(GOOD[:2]), "not marked EVTS|ends before its events do"),
    (one(GOOD[:-1]), "a packet that ends before its events do"),
    (one(event_packet(events(5, side=128), b"FRME")), "not marked EVTS"),
    (one(changed(GOOD, 4 + 24, "<I", 6)), "an offset in it points outside"),
    (one(changed(GOOD, 4 + 24, "<I", 2**32 - 1)), "an offset in it points outside"),
    (one(changed(GOOD, 4 + 28, "<q", -1)), "times before 1970"),
    (one(changed(GOOD, 4 + 28, "<q", 2**62)), "goes back in time at event 1"),
    (one(changed(GOOD, 4 + 28 + 8, "<h", 128)), "x=128, y=[0-9]+, outside of 128 x 128 pixels"),
    (one(changed(GOOD, 4 + 28 + 8, "<h", -1)), "x=-1, y=[0-9]+, outside of 128 x 128 pixels"),
    (one(changed(GOOD, 4 + 28 + 12, "<B", 2)), "polarities other than 0 and 1"),
    (FILE.replace(b"a table", b"")[:-1], "cut short: it has"),
    (aedat4_file([(0, GOOD)], description(), broken_off=True)[:-1], "cut short: its last packet is not whole"),
    (aedat4_file([(0, GOOD)], description(), broken_off=True) + b"1234", "cut short within the header of a packet"),
    *(
        (aedat4(events(side=128), name).replace(magic, bytes(4)), "a packet that cannot be unpacked")
        for name, magic in (("lz4", b"\x04\x22\x4d\x18"), ("zstd", b"\x28\xb5\x2f\xfd"))
    ),
]


@pytest.mark.parametrize(("content", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_what_is_said_of_damage(content: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"a\.aedat4 .*({sentence})"):
        read_events(put(tmp_path / "a.aedat4", content), CAMERA)


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_a_file_that_is_cut_anywhere_is_refused(compression: str) -> None:
    given = events(30, side=128)
    content = aedat4(given, compression, per_packet=10)
    end = content.index(b"a table")
    for length in range(end):
        with pytest.raises(ValueError, match=r"cut short|no AEDAT 4 file"):
            parse_aedat4(content[:length], CAMERA)
    same(parse_aedat4(content[:end], CAMERA), given)


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_any_changed_byte_is_read_or_refused(compression: str) -> None:
    content = aedat4(events(6, side=128), compression)
    outcomes = {"read": 0, "refused": 0}
    for place in range(content.index(b"a table")):
        for byte in (0, 1, 0x7F, 0xFF):
            try:
                read = parse_aedat4(content[:place] + bytes([byte]) + content[place + 1 :], CAMERA)
            except ValueError:
                outcomes["refused"] += 1
            else:
                outcomes["read"] += 1
                assert bool((np.diff(read.t) >= 0).all()) and int(max(read.x.max(), read.y.max())) < 128
    assert min(outcomes.values()) > 100, outcomes


def promising(size: int, content: bytes = bytes(1 << 16)) -> bytes:
    """A small file with a packet that says it has ``size`` bytes."""
    packed = pyarrow.compress(struct.pack("<I", size) + content, codec="zstd", asbytes=True)
    start = header(description(), "zstd", -1)
    return start + struct.pack("<iI", 0, len(packed)) + packed


@pytest.mark.parametrize(
    ("size", "sentence"),
    [(1 << 28, "ends before its events do"), ((1 << 29) + 1, "more than 512 MB of events"), (2**32 - 1, "more than 512 MB")],
)
def test_a_promise_takes_no_memory(size: int, sentence: str) -> None:
    content = promising(size)
    tracemalloc.start()
    before = pyarrow.total_allocated_bytes()
    with pytest.raises(ValueError, match=sentence):
        parse_aedat4(content, CAMERA)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24 and pyarrow.total_allocated_bytes() - before < 1 << 24
    tracemalloc.stop()


def test_packets_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    given = events(100, side=128)
    monkeypatch.setattr(module, "LARGEST", 1600 + 64)
    same(parse_aedat4(aedat4(given, per_packet=100), CAMERA), given)
    with pytest.raises(ValueError, match="more than 0 MB of events"):
        parse_aedat4(aedat4(events(105, side=128), per_packet=35), CAMERA)
