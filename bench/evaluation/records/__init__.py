"""Reading, writing, archiving and comparing records of evaluations."""
