"""What every training shares: the loop, checkpoints, progress, plots, and where it saves."""
