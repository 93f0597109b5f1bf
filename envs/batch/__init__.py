"""BALROG's levels, many at once in numpy: the rules of minigrid without its objects."""
