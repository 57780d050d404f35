"""Invoices, payments and credit notes, and their documents."""
