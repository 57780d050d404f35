"""The steps that bring a database up to date: `versions`, oldest first."""

HEAD = "0054"
"""The newest step, which makes the tables that this program uses."""
