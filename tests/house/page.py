"""Runs the code blocks of a page, in order, in the folder that it is started in: a copy of the repository.

In: the page's path on the command line. Out: an exit status; what differed, on standard output. A block's first line
says what becomes of it: ```python FILE is written, or added at the end of a file that exists; ```text FILE is written;
```pycon is run and compared; ```sh is run, and must print the ```text that follows.
"""

import doctest
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

COMMAND = "-c 'import sys; from lazygraph.cli import main; sys.exit(main())'"
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """(language, file, text) of each block."""
    return ((match[1], match[2], match[3]) for match in BLOCK.finditer(page))


def run(page: Path) -> list[str]:
    """What is not as the page says."""
    failures: list[str] = []
    examples = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    names: dict[str, object] = {}
    printed = None
    for language, file, text in blocks(page.read_text()):
        if file:
            target = Path(file)
            target.write_text(f"{target.read_text()}\n\n{text}" if target.exists() else text)
        elif language == "pycon":
            test = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), 0)
            examples.run(test, clear_globs=False)
            names = test.globs
        elif language == "sh":
            python = f"{sys.executable} -S "  # `-S`: the folder that it is started in, and no installation
            command = re.sub("^python ", python, re.sub("^lazygraph ", f"python {COMMAND} ", text))
            done = subprocess.run(command, shell=True, capture_output=True, text=True)
            printed = done.stdout
            if done.returncode:
                failures.append(f"{text} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        elif language == "text" and (printed or "").strip() != text.strip():
            failures.append(f"expected\n{text}found\n{printed}")
    if examples.failures:
        failures.append(f"{examples.failures} examples failed")
    return failures


if __name__ == "__main__":
    found = run(Path(sys.argv[1]))
    print("\n".join(found))
    sys.exit(bool(found))
