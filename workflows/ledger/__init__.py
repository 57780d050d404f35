"""The append-only ledger: the journal writes it, queries read it, the audit verifies it."""
