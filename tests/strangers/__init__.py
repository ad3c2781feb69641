"""A gallery of trained networks in the manner of others, each with a twin of the same weights in layers of this suite.

The same question of both: how robust is it? An attack that only works on networks of its own suite answers differently, and
calls the stranger robust.

    weights.py                  the weights, shared by all strangers of one kind of neuron
    twins.py                    the networks of this suite
    training.py                 trained the twins, once
    by_hand.py, converted.py,
    in_*.py                     the strangers
    gallery.py                  the list of them, with the verdict each should get
    comparing.py, table.py      the same evaluation of both, and the table of docs/strangers.md
"""
