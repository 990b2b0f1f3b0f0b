"""Where a handler runs: in a process of its own, surrounded as Lambda would, its calls to AWS observed."""
