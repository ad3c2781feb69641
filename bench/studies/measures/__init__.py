"""The published measures of each zoo model: a JSON file below ``leaderboards/measures``, and its records."""
