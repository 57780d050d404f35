"""Pages of invoices, payments and bank statements."""
