"""The price list: products and their prices."""
