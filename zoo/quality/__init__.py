"""No-reference image-quality models: images to one score each, higher meaning better.

One file per model, each a small variant that keeps the structure of its paper and can be trained on one CPU core.
"""
