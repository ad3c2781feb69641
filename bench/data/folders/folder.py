"""A user's own images: one folder per class, named ``folder:PATH`` or ``folder:PATH,size=32`` (or ``size=HEIGHTxWIDTH``).

A folder with a ``scores.csv`` holds rated images instead, see ``scored.py``.

Labels are the class folders in sorted order, or in the order of the lines of ``PATH/classes.txt``; see ``classes.py``.
Samples take turns between the classes (first file of each class, second of each, ...), so that the first N are balanced;
files are sorted by name.

Images are used as they are: all of one size, unless ``size`` is given, which resizes with Pillow's antialiased
bilinear filter and does not keep the aspect ratio, or ``crop``, which takes the central pixels. Grey images stay one
channel if all are grey, and become RGB otherwise. What would need a guess is refused, see ``images/formats.py``. Sizes and
kinds are looked at on opening; pixels are read when they are asked for.
"""

from __future__ import annotations

from bench.data.base import Samples, check_number, check_split
from bench.data.folders.classes import find_classes
from bench.data.folders.scored import read_scored_folder
from bench.data.folders.spec import parse_spec
from bench.data.folders.table import find_table
from bench.data.images.rows import image_rows
from bench.data.paths import base_name, shown


def read_folder(spec: str, *, split: str = "test", n: int | None = None) -> Samples:
    """The first ``n`` images of ``PATH[,size=...]``. Raises ``DataError``.

    split: only ``test``; point at another folder for other splits.
    """
    import torch

    top, fit = parse_spec(spec)
    name = f"folder:{shown(top)}"
    check_split(split, ("test",), name)
    if (table := find_table(top)) is not None:
        return read_scored_folder(top, table, fit, n=n)
    classes = find_classes(top)
    check_number(n, len(classes.files), shown(top))
    chosen = classes.files[:n]
    return Samples(
        image_rows([path for path, _ in chosen], fit, name=name, option="size"),
        torch.tensor([label for _, label in chosen]),
        torch.arange(len(chosen)),
        f"folder:{base_name(top)}",
        split,
        classes.names,
        remarks=classes.remarks,
    )
