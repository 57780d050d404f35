"""Customers, items and org units, and the fields that pick one."""
