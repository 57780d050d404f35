"""The price list, quotes, and what customers can buy in the portal."""
