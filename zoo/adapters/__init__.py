"""Adapters through which networks and metrics of other libraries become models of the suite."""
