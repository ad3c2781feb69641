"""An evaluation, from a request to a record."""
