"""Modules are imported once, before processes are forked, so that a case costs what its command does and not its imports."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import tempfile
import warnings
from pathlib import Path

from soak.children import run
from soak.dying import Work


def import_what_it_imports(work: Work, home: Path) -> None:
    """Do ``work`` in a process of its own, and import here what it has imported there. Nothing else that it did stays.

    Raises ``AssertionError`` if it fails.
    """
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        listed = Path(place) / "modules.json"

        def listing(folder: Path) -> None:
            work(folder)
            listed.write_text(json.dumps(sorted(sys.modules)))

        ended = run(listing, home)
        assert ended.status == 0, f"it does not work undisturbed: {ended.words[-3000:]}"
        names = json.loads(listed.read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            if name not in sys.modules:
                # What a command made on the way, such as the module of a user's model, can be imported by nobody else.
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
