"""Lower bounds on robustness: certificates by randomised smoothing (Cohen et al., ICML 2019, arXiv 1902.02918).

A certificate is about the *smoothed* model, which answers with the class that the given model gives most often under
Gaussian noise. It says nothing about the given model itself, and never enters a board.
"""
