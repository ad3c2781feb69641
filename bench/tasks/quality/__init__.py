"""Models that score: how far does the score move?"""
