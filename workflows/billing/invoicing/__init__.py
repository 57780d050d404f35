"""Invoices as drafts, and reading them: lines and totals, the checks before issue, lists and documents."""
