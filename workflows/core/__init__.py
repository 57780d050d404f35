"""What every use case needs: the transaction, the actor, the configuration, the clock, refusals and lists."""
