"""Asking the rules in force, compiled or by business-rules."""
