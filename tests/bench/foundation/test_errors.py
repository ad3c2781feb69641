"""Errors are reachable where a user looks for them."""

from __future__ import annotations

import pytest

import bench
from bench.foundation.errors import BenchError


def test_errors_can_be_caught_by_their_public_name() -> None:
    assert bench.errors.BenchError is BenchError and "errors" in dir(bench)
    with pytest.raises(bench.errors.BenchError) as caught:
        bench.evaluate("zoo:no_such_model")
    assert caught.value.what and caught.value.fix
    with pytest.raises(AttributeError, match="no attribute 'error'"):
        bench.error  # type: ignore[attr-defined]  # noqa: B018
