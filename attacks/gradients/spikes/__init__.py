"""Spike functions of any network: found by running it, and differentiated as the attacker chooses.

A spike function is the place where a real number becomes a spike, ``s = step(u - threshold)``: one call per layer and
time step. :func:`~attacks.gradients.spikes.recognition.spiking_sites` finds them; what it returns goes to
``path.applied(model, sites=...)``.
"""
