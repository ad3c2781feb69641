"""One evaluation, from a request to a record."""
