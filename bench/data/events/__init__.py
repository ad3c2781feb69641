"""Recordings of event cameras: parsers of the published formats, frames from events, and three sets in a user's own copy."""
