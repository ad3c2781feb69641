"""Models that decide: an attack succeeds if the decision is no longer the label."""
