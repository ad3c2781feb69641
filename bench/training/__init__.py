"""Training a zoo model from its card: recipe in, weights and a log out."""
