"""The replay harness: delivers stream records to a handler as AWS would and gives a verdict on the table."""
