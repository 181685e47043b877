"""The primitives: one record per op, a family to a file.

In: the files of this folder, each of which enters its records when it is imported; an op needs no line here. Out: the
table OPS, complete once this package is imported; printer, parser, verifier, docs and sweep tests are derived from it.
"""

from importlib import import_module
from pkgutil import iter_modules

for _file in iter_modules(__path__):
    import_module(f"{__name__}.{_file.name}")
