"""Codes and values in words."""
