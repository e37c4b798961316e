"""Widgets draw the views that they are handed; none of them asks for anything."""
