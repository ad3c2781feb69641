"""Models that score: an attack is measured by how far the score moves."""
