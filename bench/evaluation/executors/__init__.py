"""Executors, which compute the units of a plan: this process, other processes, or the workers of a cluster."""
