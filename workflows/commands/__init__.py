"""What can be asked of the desk: one frozen value per command, checked where it is built.

Names are those of the HTTP API. Whole minutes; money in minor units.
"""
