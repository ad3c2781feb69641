"""Recordings of event cameras: parsers of the formats, frames from events, published sets, and folders of a user's own."""
