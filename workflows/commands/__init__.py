"""The commands of the use cases: one frozen value each, validated when it is created.

Names are those of the HTTP API. Whole minutes; money in minor units.
"""
