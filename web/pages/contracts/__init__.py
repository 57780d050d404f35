"""The list of contracts, and the pages of a contract."""
