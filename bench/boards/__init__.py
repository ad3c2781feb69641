"""Leaderboards: a frozen protocol, the entries measured under it, and tables derived from their rows.

``leaderboards/BOARD/vN/`` holds ``protocol.yaml`` with ``protocol.sha256``; of all entries ``records.jsonl``,
``rows.parquet`` and ``cards.yaml``; ``challenges/MODEL@VERSION/`` and ``gallery/``; ``table.csv``, ``CHANGELOG.md`` and
``SHA256SUMS``. The last three are derived by :mod:`bench.boards.render`, and everything is checked by
:mod:`bench.boards.verify`. An entry is there once its line in ``records.jsonl`` is.
"""
