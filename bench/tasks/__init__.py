"""Kinds of answers: what differs between models that decide and models that score, one folder each."""
