"""Where rows live: the schema, DynamoDB Local, the in-memory table."""
