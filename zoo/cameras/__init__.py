"""Cameras that turn a scene into spikes, and what turns spikes into pictures again. Differentiable, so that a scene can be
attacked through them."""
