"""Evaluates the rules in force, compiled or with business-rules."""
