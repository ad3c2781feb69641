"""Networks made with other libraries, made to take gradient paths."""
