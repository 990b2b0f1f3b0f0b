"""Recordings that can be shown: what people said and who they are is replaced, what a handler does with it is not."""
