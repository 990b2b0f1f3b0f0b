"""What a row of the messages table says, read apart from the function on purpose: what judges it must not follow it."""
