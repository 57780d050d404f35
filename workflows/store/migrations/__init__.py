"""The steps that bring a database up to date: `versions`, oldest first."""

HEAD = "0057"
"""The newest step, which makes the tables that this program uses."""
