"""Reports: what each month, customer or contract comes to, as pages with a plot, tables and CSV."""
