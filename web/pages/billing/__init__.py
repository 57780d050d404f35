"""Pages of invoices, payments, bank statements, recurring sales, time to be billed and exports."""
