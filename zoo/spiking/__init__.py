"""The spiking substrate: neurons, encoders, read-outs, and networks that run them over time.

Tensors between layers are time-major, ``(T, N, ...)``. A signal that is constant in
time is an *expanded* tensor (stride 0 over T), and stateless layers then run once.
"""
