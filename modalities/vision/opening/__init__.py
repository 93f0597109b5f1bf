"""From a source to upright RGB pixels: files, bytes, arrays; what is refused, and many at once."""
