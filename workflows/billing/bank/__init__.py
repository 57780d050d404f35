"""Bank statements: read by their format, matched with the open invoices, and decided by people."""
