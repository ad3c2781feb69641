"""Image files of anyone: which are read, how they become pixels, and what is refused because it would need a guess."""
