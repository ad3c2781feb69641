"""What is published about each zoo model: a JSON file below ``leaderboards/measures``, and the records it rests on."""
