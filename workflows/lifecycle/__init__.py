"""How one row changes with its balances: a service request, a contract."""
