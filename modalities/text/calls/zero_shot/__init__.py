"""Reads tool calls from a request without anything that was trained for it."""
