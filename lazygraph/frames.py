"""Which of the user's lines asked for a node, at about a microsecond a call.

In: a public function. Out: the same function, `traced`: the nodes it makes carry the file and line of the first frame
outside this package, and shape and dtype errors raised in it name that line (`lazygraph.errors`). Inside another traced
function it adds nothing: the user's line is known already, so functions may be composed from each other freely.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec, TypeVar

import lazygraph.compiler
import lazygraph.runtime
from lazygraph.compiler.ir.graph import Frame, Frames, current_origin, origin
from lazygraph.errors import LOCATED, located

P = ParamSpec("P")
R = TypeVar("R")


def _folder(file: str | None) -> str:
    return os.path.join(os.path.dirname(os.path.abspath(file or __file__)), "")


_OURS = (_folder(__file__), _folder(lazygraph.compiler.__file__), _folder(lazygraph.runtime.__file__))
_MODELS = os.path.join(_OURS[0], "models", "")  # written as a user would write them: their lines are shown


@functools.cache
def _is_ours(file: str) -> bool:
    return file.startswith(_OURS) and not file.startswith(_MODELS)


def user_frame() -> FrameType | None:
    """The innermost frame on the stack that is not this package's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


@functools.cache
def _frames(file: str, line: int, note: str) -> Frames:
    return (Frame(file, line, note),)


def user_frames(note: str = "") -> Frames:
    """The user's line as a node carries it."""
    frame = user_frame()
    return () if frame is None else _frames(frame.f_code.co_filename, frame.f_lineno, note)


def traced(function: Callable[P, R]) -> Callable[P, R]:
    """A public function whose nodes and errors name the user's line."""
    return _trace(function, "")


def composite(function: Callable[P, R]) -> Callable[P, R]:
    """`traced`, for a function of several nodes: each is noted with its name ("train.py:11 cross_entropy")."""
    return _trace(function, function.__name__)


def _trace(function: Callable[P, R], note: str) -> Callable[P, R]:
    @functools.wraps(function)
    def with_origin(*args: P.args, **kwargs: P.kwargs) -> R:
        if current_origin():
            return function(*args, **kwargs)
        try:
            with origin(user_frames(note)):
                return function(*args, **kwargs)
        except LOCATED as error:
            raise located(error, function.__name__, args, user_frame()) from None

    return with_origin


def user_code(function: Callable[P, R]) -> Callable[P, R]:
    """A user's function that one of ours calls back: its own lines are recorded, not the line that handed it over."""

    @functools.wraps(function)
    def from_user(*args: P.args, **kwargs: P.kwargs) -> R:
        with origin(()):
            return function(*args, **kwargs)

    return from_user
