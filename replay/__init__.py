"""The replay harness: delivers stream records to a handler as AWS would, and says whether the table came out right."""
