"""Reads minigrid's picture of a view back into cells, by what tiles were seen to look like."""
