"""The append-only ledger: the journal that writes it, queries that read it, the audit that proves it."""
