"""Submissions that mean harm, one table of each kind, and the one rule that they all must meet."""
