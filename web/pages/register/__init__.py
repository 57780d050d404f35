"""Customers, items and org units."""
