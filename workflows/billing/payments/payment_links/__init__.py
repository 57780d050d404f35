"""Payment links: paying an invoice on a provider's page, and the notices by which that is recorded."""
