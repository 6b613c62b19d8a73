"""Checks of the repository itself: layers, documents, lint."""
