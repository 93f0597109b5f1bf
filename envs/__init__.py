"""Gymnasium envs, observation wrappers and the bridge; importing registers the ids."""
