"""From what a user calls a model to a subject with a canonical scorer."""
