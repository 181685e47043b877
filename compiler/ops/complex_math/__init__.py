"""The mathematics of complex numbers, in real scalars: `scalars` is the language, `rule` what records take."""
