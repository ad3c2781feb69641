"""Metrics: pure functions over rows."""
