"""Contracts: creating, enabling, topping up, adjusting, renewing, cancelling and reading them."""
