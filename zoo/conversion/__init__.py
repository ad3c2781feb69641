"""Spiking networks made from trained networks without spikes (ANN-SNN conversion), one method per file.

The source is trained with an activation that takes the values a spike count can take
(:mod:`zoo.conversion.qcfs`). Its weights then drive integrate-and-fire neurons whose thresholds are folded
into them (:mod:`zoo.conversion.convert`), and a converted model has no training of its own.
"""
