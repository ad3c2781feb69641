"""Leaderboards: a frozen protocol, the entries measured under it, and tables derived from their rows.

``leaderboards/BOARD/vN/`` holds ``protocol.yaml`` with ``protocol.sha256``, ``entries/MODEL@VERSION/`` (``record.json``,
``rows.parquet``, ``card.yaml``, ``challenges/``), ``table.csv`` and ``CHANGELOG.md``. Only the protocol, the entries and
the challenges are sources; the rest is derived by :mod:`bench.boards.render` and checked by :mod:`bench.boards.verify`.
"""
