"""Text that is broken in any way is a ParseError, or an error of the verifier: never another one, never a crash."""

import random
import re
from pathlib import Path

import pytest

from lazygraph.compiler.opt import optimise
from tests.compiler.test_golden import FILES, SEPARATOR

GRAPH = """graph f(@x: f32[4, 3]) {
  %0 = reduce_sum @x axes=(1,) : f32[4]
  return %0
}
"""
PROGRAM = """program f {
  input "x": f32[4]
  output "y": f32[4]
  commit
  copy output 0 = input 0 bytes <16>
}
"""
CONTRACT = """contract f(x: f32[4, 3], y: f32[4]) -> (y) {
  m i < 4; k c < 3;
  a {
    %0: f32 = load x[i, c]
    yield %0
  }
  b {
    yield f32 1.0
  }
  epilogue acc: f32 {
    store y[i] = acc
  }
}
"""
WORDS = (
    "-1",
    "0",
    "9" * 30,
    "%0",
    "@",
    '"',
    "(",
    "[",
    "<",
    "é",
    "\0",
    "inf",
    "bits 0xff",
    "(" * 3000,
    "<" * 3000,
    "3and",
)


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (GRAPH, "axes=(1,)", "", "line 2: expected the attribute 'axes' of reduce_sum"),
        (GRAPH, "(1,)", "(" * 3000, "expected less deep nesting"),
        (GRAPH, "[4, 3]", f"[{'(' * 3000}4{')' * 3000}, 3]", "an extent"),
        (GRAPH, "[4, 3]", "[4and, 3]", "a number ends in a letter"),
        (
            PROGRAM,
            "commit",
            "solve n from input 0 axis 0 scale 1 offset 0 else 0",
            "a dim declared above, found 'n from",
        ),
        (PROGRAM, "copy output 0", "copy output -1", "does not exist"),
        (PROGRAM, "copy output 0", "copy place 0", "does not exist"),
        (CONTRACT, "yield f32 1.0", "yield", "one scalar of b, not 0"),
        (
            CONTRACT,
            "x: f32[4, 3], y: f32[4]) -> (y)",
            "x: f32[4, c], y: f32[4]) -> (y) where c >= 0",
            "shape of x: symbol c",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, old: str, new: str, message: str) -> None:
    optimise(text, [])
    assert text.count(old) == 1
    with pytest.raises(ValueError, match=re.escape(message)):
        optimise(text.replace(old, new), [])


def _texts() -> list[str]:
    halves = [Path(each).read_text().partition("\n")[2].partition(SEPARATOR) for each in FILES]
    return [half for before, _, after in halves for half in (before, after)]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_programs(seed: int) -> None:
    """One to three changes of a golden program: words replaced, removed, doubled or exchanged."""
    rng, texts = random.Random(seed), _texts()
    words = sorted({word for text in texts for word in re.findall(r"\w+|\S", text)} | set(WORDS))
    for _ in range(500):
        parts = re.findall(r"\w+|\W", rng.choice(texts))
        for _ in range(rng.randint(1, 3)):
            here, there = rng.randrange(len(parts)), rng.randrange(len(parts))
            change = rng.randrange(4)
            if change == 0:
                parts[here] = rng.choice(words)
            elif change == 1:
                parts[here] = ""
            elif change == 2:
                parts.insert(here, rng.choice(words))
            else:
                parts[here], parts[there] = parts[there], parts[here]
        text = "".join(parts)
        try:
            printed = optimise(text, [])
        except (ValueError, TypeError):
            continue
        assert optimise(printed, []) == printed, text
