"""Attacks on event frames: searches over whole events, added, removed or moved in time."""
