"""The steps that bring a database up to date, oldest first, in `versions`."""

HEAD = "0005"
"""The newest step: the tables as this program knows them."""
