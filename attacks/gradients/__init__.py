"""Gradient paths: how dL/dx is computed through spikes. They belong to the attacker."""
