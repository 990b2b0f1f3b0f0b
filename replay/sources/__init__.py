"""Where records come from: files, a live stream, failure objects, generated ones."""
