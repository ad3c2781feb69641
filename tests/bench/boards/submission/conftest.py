"""The ways to isolate foreign code, for the tests of what it may do."""

from __future__ import annotations

import pytest
from support.sandboxes import WORKING


@pytest.fixture(params=["bwrap", "unshare"])
def tool(request: pytest.FixtureRequest) -> str:
    """Each way to isolate that works here."""
    if request.param not in WORKING:
        pytest.skip(f"{request.param} does not work here, or not for this user")
    return str(request.param)
