"""What settles invoices: payments, write-offs, and payment links."""
