"""Whether to believe a robust accuracy: the examinations of ``bench doctor``."""
