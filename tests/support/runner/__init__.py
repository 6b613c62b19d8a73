"""Runs the tests in several processes side by side, and says at the end how long they took and what they proved."""
