"""Models that decide: is the label still right?"""
