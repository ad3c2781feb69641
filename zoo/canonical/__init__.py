"""Networks whose answers have the same bits for every batch, number of threads and processor."""
