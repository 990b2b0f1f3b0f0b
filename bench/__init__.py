"""How fast the function and the simulation are, always beside something else measured in the same minutes.

`make bench` runs it. Ratios are what counts: times on DynamoDB Local say nothing about DynamoDB.
"""
