"""Contracts: what people do with them, and reading them: lists, one contract, statements."""
