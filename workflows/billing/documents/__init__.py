"""Documents of an invoice or credit note: e-invoices in CII and UBL, their validation, and the PDF."""
