"""The tests, in folders that mirror the tree.
Every folder is a package, so that equal file names do not clash and tests/lazygraph never shadows lazygraph."""
