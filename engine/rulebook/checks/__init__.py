"""Lint: rules that never match, cases that no rule catches."""
