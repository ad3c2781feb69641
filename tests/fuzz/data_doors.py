"""Doors for data of others: recordings of events and of spike cameras, tables of scores, archives of images."""

from __future__ import annotations

from pathlib import Path

from bench.data.events.aedat3 import parse_labels
from bench.data.events.reader import read_events
from bench.data.events.recording import Sensor
from bench.data.folders.table import read_table
from bench.data.images.decode import read_pixels
from bench.data.mnist import read_idx
from bench.data.python_batches import read_batch
from bench.data.rated.tables import read_kadid, read_koniq, read_livec, read_tid
from bench.data.spikecam.stream import SpikeStream
from fuzz import samples
from fuzz.door import Door, from_file, in_turn
from fuzz.grammar import mutated, texts

SMALL, LARGE = Sensor(34, 34), Sensor(128, 128)
CAMERA = b"spike_h: 4\nspike_w: 6\nidle_columns: [[6, 8]]\nrows: top_down\n---8<---" + bytes(range(16))
CONFIGURATION = (
    b"spike_h: 0\n",
    b"spike_w: -8\n",
    b"1" * 400,
    b"[[0, 8]]",
    b"!!int x",
    b"!!timestamp x",
    b'!!int ""',
    b"&a [*a]",
)
TABLE = "image,score,reference\na.png,0.5,a.png\n", 'image;score\n"a.png";0,5\n', "Image\tScore\na.png\t3\n"
RATINGS = (
    "dist_img,ref_img,dmos,var\nI01_01_03.png,I01.png,2,1\n",
    '"image_name","c1","MOS"\n"1.jpg",0,3.5\n',
    "3.5 I01_24_5.bmp\n",
)
LABELS = "class,startTime_usec,endTime_usec\n1,100,200\n2,300,400\n"
OPCODES = (
    *(b"r\xff\xff\xff\x7f", b"\x94" * 9, b"cos\nsystem\n", b"\x81", b"R", b"b", b"(lp9\n", b"Q", b"2" * 30, b"]q\x01"),
    *(b"\x95" + b"\xff" * 8, b"\x8e" + b"\xff" * 7 + b"\x7f", b"\x8a\xff", b"I99\n", b"h\x01", b"0", b"e"),
)


def _camera(content: bytes, folder: Path) -> None:
    """The configuration, then a line of ``---8<---``, then the recording."""
    head, _, body = content.partition(b"---8<---")
    (folder / "config.yaml").write_bytes(head)
    (folder / "spikes.dat").write_bytes(body)
    stream = SpikeStream.open(folder / "spikes.dat")
    stream.planes(0, min(len(stream), 2))


def _recording(path: Path) -> None:
    read_events(path, LARGE if "aedat" in path.suffix else SMALL)


def _table(path: Path) -> None:
    (path.parent / "a.png").write_bytes(b"")
    read_table(path.parent, path)


def _images(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def _kadid(path: Path) -> None:
    _images(path.parent, "images/I01.png", "images/I01_01_03.png")
    read_kadid(path.parent)


def _koniq(path: Path) -> None:
    _images(path.parent, "images/1.jpg")
    read_koniq(path.parent)


def _tid(path: Path) -> None:
    _images(path.parent, "distorted_images/i01_24_5.bmp")
    read_tid(path.parent)


def _livec(path: Path) -> None:
    _images(path.parents[1], "Images/1.bmp", "Data/AllMOS_release.mat")
    path.with_name("AllMOS_release.mat").write_bytes(samples.matlab("AllMOS_release"))
    read_livec(path.parents[1])


def _set(path: Path) -> None:
    samples.SMALL_SET.get(path.parent / "root", source=path, progress=lambda what, done, total: None)


DOORS: dict[str, Door] = {
    "picture": Door(mutated(samples.pictures()), from_file("a.png", read_pixels)),
    "table": Door(texts(*TABLE), from_file("scores.csv", _table)),
    "ratings": Door(
        texts(*RATINGS),
        in_turn(
            from_file("a/dmos.csv", _kadid),
            from_file("b/koniq10k_scores_and_distributions.csv", _koniq),
            from_file("c/mos_with_names.txt", _tid),
        ),
    ),
    "matlab": Door(mutated([samples.matlab("AllImages_release")]), from_file("Data/AllImages_release.mat", _livec)),
    "digits": Door(mutated(samples.digits()), lambda content, folder: read_idx(content), (ValueError,)),
    "pickled batch": Door(
        mutated(samples.batches(), OPCODES), lambda content, folder: read_batch(content, b"labels"), (ValueError,)
    ),
    "archive of a set": Door(mutated(samples.archives()), from_file("set.tar", _set)),
    "gestures": Door(texts(LABELS), lambda content, folder: parse_labels(content.decode(errors="replace")), (ValueError,)),
    "camera": Door(mutated([CAMERA], CONFIGURATION), _camera),
    **{
        f"events{ending}": Door(mutated(contents), from_file(f"recording{ending}", _recording))
        for ending, contents in samples.recordings().items()
    },
}
