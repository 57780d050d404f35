"""Replay of history through another rule set: the run, its totals, and the replays that people start."""
