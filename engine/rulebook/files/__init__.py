"""Reads and checks each kind of rule file, including its examples."""
