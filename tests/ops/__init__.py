"""Tests of the op records and of the mathematics they expand to."""
