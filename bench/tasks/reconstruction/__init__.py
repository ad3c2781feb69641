"""Models that reconstruct: an attack is measured by how far the picture departs from the scene that is shown."""
