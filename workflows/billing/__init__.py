"""Invoices, credit notes, payments, bank statements, recurring sales and time to be billed."""
