"""Trying a rule set on history: the run, its totals, and the replays that people ask for."""
