"""A document in, its text out; whatever is in the document, the worker lives."""
