"""How an evaluation scales: measured on one machine, simulated on many workers."""
