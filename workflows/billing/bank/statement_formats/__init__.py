"""Readers of bank statements, from bytes to values: camt.053 and CSV by a profile. Pure."""
