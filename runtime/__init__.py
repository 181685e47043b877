"""Loads and runs what the compiler made: buffers, threads, the object cache.
In: artifacts and arrays. Out: results. It imports nothing of ours."""
