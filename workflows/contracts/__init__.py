"""What people do with contracts: create, enable, top up, adjust, renew, cancel, read."""
