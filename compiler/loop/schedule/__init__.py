"""Schedules: how a kernel is cut into tasks, blocks and register tiles, as data. A schedule never changes a bit."""
