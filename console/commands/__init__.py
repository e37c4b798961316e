"""The commands of ``dewey``, by what they are about."""
