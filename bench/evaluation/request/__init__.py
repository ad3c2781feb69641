"""From what a caller asks for to a request: every name resolved, every number checked, before anything runs."""
