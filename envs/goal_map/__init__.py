"""The observation "goal_map": a map of what was seen, marked by what the mission needs."""
