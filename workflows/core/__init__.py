"""What every use case needs: transaction, actor, configuration, clock, errors and lists."""
