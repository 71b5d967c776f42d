"""Expressions in definitions: guards, conditions and mappings, written in CEL.

The one package that knows the expression language and its library; everybody else sees
`compile_expression`, `compile_guard`, `compile_mapping` and the `Expression` they give. How
documents are parsed, and what is done with a result, is not decided here.

**Values.** What goes in and what comes out is JSON as Python decodes it: None, bool, int, float,
str, list, dict with str keys. JSON `7` is a CEL int and `7.0` a double: they compare equal, and
adding them is an error until one is converted, `double(x) + 7.0`. Integers have 64 bits. Bytes,
durations, timestamps, types, NaN and infinities are no results; `string(...)` makes text of most.

**By reference.** An expression that only moves values (a name, a path such as
`output.items[0].sku`, a constant, or an object or list of these) never enters the library: it
gives back the very objects it was given, uncopied and of any size. Treat results as immutable.

**Order.** A map literal keeps its order; other computed objects are sorted by key. CEL iterates
over a map in no fixed order: what a macro makes of a map's keys must not depend on it.

**Bounds.** Source 4 KiB, 32 levels, two macros chained or nested; 2 MiB of input and 1 MiB of
computed result per evaluation, 10,000 iterations (the library's own), and an estimate of the work
before it is done (`cost`). Whatever exceeds them is refused or fails; nothing is cut off silently.

An evaluation is a function of the expression and its bindings, except for the order said above;
its result is what goes into an event, and it is never evaluated again at replay.
"""

from treadle_server.definitions.expression.canonical import canonical_source
from treadle_server.definitions.expression.compile import (
    SOURCE_LIMIT,
    Expression,
    compile_expression,
    compile_guard,
    compile_mapping,
)
from treadle_server.definitions.expression.errors import (
    ExpressionFailed,
    ExpressionInvalid,
    FailureKind,
)
from treadle_server.definitions.expression.outline import (
    ComputedValue,
    KnownValue,
    ListValue,
    ObjectValue,
    Outline,
    ReadValue,
    json_type,
    may_give,
)
from treadle_server.definitions.expression.source import is_name, literal, mapping_source

__all__ = [
    "SOURCE_LIMIT",
    "ComputedValue",
    "Expression",
    "ExpressionFailed",
    "ExpressionInvalid",
    "FailureKind",
    "KnownValue",
    "ListValue",
    "ObjectValue",
    "Outline",
    "ReadValue",
    "canonical_source",
    "compile_expression",
    "compile_guard",
    "compile_mapping",
    "is_name",
    "json_type",
    "literal",
    "mapping_source",
    "may_give",
]
