"""Top floor: what people look at."""
