"""A user's own folders of images: one folder per class, or images with a table of scores."""
