"""Accounting periods: closing a month, and opening the last closed one again."""
