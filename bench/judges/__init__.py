"""Judges: what differs between models that decide and models that score, once an attack has returned its images."""
