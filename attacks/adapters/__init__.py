"""Attacks of other libraries under our contract: the same specs, threats, books and rows."""
