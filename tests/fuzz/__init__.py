"""Inputs from grammars, mutated, through every door that reads what others wrote.

``make fuzz`` runs it. A door may refuse in the ways that it documents; any other exception, a crash, a hang and memory
without bound are findings. The smallest input that shows one is kept in ``corpus/``, which ``test_corpus.py`` reads again.
"""
