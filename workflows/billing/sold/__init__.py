"""What was sold and is to be invoiced: contracts, one-off items, recurring sales and renewals."""
