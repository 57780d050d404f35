"""Changes of one service request or contract, with its balances."""
