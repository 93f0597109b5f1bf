"""Which part of a picture speaks for a label, as numbers and as a picture."""
