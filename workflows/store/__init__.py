"""How the desk is kept in a database: models, queries, the ledger and migrations."""
