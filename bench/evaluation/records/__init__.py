"""The record of an evaluation: what it says, how it is read and written, how two are compared."""
