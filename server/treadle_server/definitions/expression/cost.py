"""How much work an evaluation may take, estimated before it is done.

The library stops after 10,000 iterations and nothing else: one iteration may join, compare or
search megabytes, a list built by `map` or `filter` is copied once per element, a pattern is
compiled anew each time, and none of it can be interrupted. The server runs everybody's
expressions on one thread, so what could hold it up must not begin.

The estimate is an upper bound in units of some nanoseconds (the costliest operation on one byte
of JSON takes about ten), from the shape of the expression and the sizes of what is bound. It is
computed with only the total size first; most evaluations pass by that. Then, if needed, with the
length of the longest list and the size of each value. The factors were measured with 0.1.3.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec.json

from treadle_server.definitions.expression.shape import Shape

WORK_LIMIT = 16 * 1024 * 1024
INPUT_LIMIT = 2 * 1024 * 1024
"""Bytes of JSON that are bound for one evaluation, after unread fields were left out."""
ITERATION_LIMIT = 10_000
"""The library's own, over all macros of one evaluation; it cannot be set."""

_PER_ITERATION = 32
_PER_JOINED_BYTE = 8  # a list of small numbers takes twelve times its JSON, once per `+`
_PER_PATTERN_COMPILED = 64  # per unit of `Shape.pattern`, in each iteration
_SEARCHED_PER_UNIT = 4096  # subject times needle, both unknown: a quadratic search, but a fast one
_PER_COPIED_ELEMENT = 4


def allowance(shape: Shape) -> int:
    """Bytes of input up to which this expression may be evaluated without a closer look."""
    size = INPUT_LIMIT
    while size and _work_by_size(shape, size) > WORK_LIMIT:
        size //= 2
    return size


def fits(shape: Shape, bound: Mapping[str, object]) -> bool:
    """The closer look: whether the work on these values stays within the limit."""
    sizes = {name: len(msgspec.json.encode(value)) for name, value in bound.items()}
    longest, elements = _count(dict(bound))
    largest = _largest_element(dict(bound)) if shape.variables_deeper else 0
    return _work(shape, sizes, longest, elements, largest) <= WORK_LIMIT


def _work_by_size(shape: Shape, size: int) -> int:
    """The work if every name had all of the input: lists have two bytes per element or more."""
    names = dict.fromkeys((*shape.outside, *shape.inside), size)
    return _work(shape, names, size // 2 + 1, size // 2 + 1, size)


def _work(shape: Shape, sizes: Mapping[str, int], longest: int, elements: int, largest: int) -> int:
    """`longest` list, `elements` of all lists together, bytes of the `largest` element."""
    read_once = shape.text + sum(sizes[name] * times for name, times in shape.outside.items())
    if not shape.macros:
        touched, iterations = read_once, 0
    else:
        # Lists grow by `+`, and by that of an inner macro only where another one reads them.
        grown = (1 + shape.joins) * (1 + shape.joins_inside if shape.macros > 1 else 1)
        longest = max(longest, shape.literal_length) * grown
        iterations = longest**shape.nesting
        if not shape.inside and not shape.literal_length:
            # An inner macro can only go over what belongs to the outer one's element.
            iterations = min(iterations, elements * grown)
        iterations = min(ITERATION_LIMIT, iterations * shape.macros)
        each = _PER_ITERATION + shape.text
        each += sum(sizes[name] * times for name, times in shape.inside.items())
        # All elements of a range together are no larger than what it was made of.
        touched = read_once * (1 + shape.variables) + iterations * each
        if shape.macros > 1:
            touched *= 1 + shape.variables
        # One large element, read again and again by a macro inside.
        element = touched if shape.literal_length or shape.joins else min(largest, touched)
        touched += iterations * shape.variables_deeper * element
    work = touched
    if shape.joins or shape.joins_inside:
        work *= _PER_JOINED_BYTE
    if shape.pattern:
        work *= shape.pattern
        work += max(1, iterations) * shape.pattern * _PER_PATTERN_COMPILED
    if shape.computed_needle:
        work += touched * touched // _SEARCHED_PER_UNIT
    if shape.builds_list:
        work += iterations * longest * _PER_COPIED_ELEMENT
    return work


def _count(value: list[object] | dict[str, object]) -> tuple[int, int]:
    """The length of the longest list or object in a value, and all their lengths together."""
    longest = elements = len(value)
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, (list, dict)):
            longest_inside, elements_inside = _count(part)
            longest = max(longest, longest_inside)
            elements += elements_inside
    return longest, elements


def _largest_element(value: object) -> int:
    """The JSON size of the largest thing that a macro's variable can stand for.

    That is an element of a list or a key of an object; what lists have inside is part of them.
    """
    if isinstance(value, list):
        return max((len(msgspec.json.encode(element)) for element in value), default=0)
    if isinstance(value, dict):
        keys = (len(msgspec.json.encode(key)) for key in value)
        return max(*keys, *map(_largest_element, value.values()), 0)
    return 0
