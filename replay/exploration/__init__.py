"""Hostile but lawful deliveries of a case to a handler, the verdict on each, and the smallest case that breaks it."""
