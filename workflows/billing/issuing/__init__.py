"""Invoices are issued and never changed: numbers, credit notes, voiding, and what their lines activate."""
