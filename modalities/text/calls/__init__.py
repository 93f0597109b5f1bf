"""Which tool, and with what arguments: one pass of the call encoder."""
