"""Whether to believe a robust accuracy: checks that every record carries, and a closer look on request."""
