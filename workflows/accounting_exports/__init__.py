"""Handing the journals of money over to an accounting program."""
