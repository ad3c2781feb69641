"""What is done of a table is on disk, whatever happens to the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from reports.growing import Row, rows_of_others, write_growing


def test_rows_are_kept_and_told_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Iterator[Row]:
        yield {"model": "a", "rate": 0.5}
        yield {"model": "b", "rate": 0.25}
        raise KeyboardInterrupt

    path = tmp_path / "new" / "table.csv"
    with pytest.raises(KeyboardInterrupt):
        write_growing(path, rows(), "{model} {rate}".format_map)
    assert pd.read_csv(path).to_dict("list") == {"model": ["a", "b"], "rate": [0.5, 0.25]}
    assert capsys.readouterr().out == "a 0.5\nb 0.25\n"


def test_rows_of_other_models_and_radii_stay(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    assert rows_of_others(path, [("a", "2/255")]) == []
    old = [{"model": name, "eps": eps, "rate": 0.5} for name in "ab" for eps in ("2/255", "8/255")]
    write_growing(path, old, str)
    new = {"model": "a", "eps": "2/255", "rate": 0.25}
    write_growing(path, [new], str, rows_of_others(path, [("a", "2/255")]))
    assert pd.read_csv(path).to_dict("records") == [*old[1:], new]
    assert rows_of_others(path, [("b",)], of=("model",)) == [old[1], new]
