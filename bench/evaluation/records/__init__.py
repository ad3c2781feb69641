"""Reading, writing and comparing records of evaluations."""
