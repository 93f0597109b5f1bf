"""The tour that `shoal demo` takes."""
