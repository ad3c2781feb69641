"""Models that strangers bring: a folder that describes itself, checks that refuse what is not so, and isolation for code."""
