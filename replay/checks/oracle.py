"""What the table should hold, from the messages alone."""
