"""Who computes the units of a plan: this process, processes beside it, or the workers of a cluster."""
