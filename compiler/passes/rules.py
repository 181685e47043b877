"""Rewrite rules and the sweep that applies them until none fires.

In: a graph and a table of rules, keyed by the op at their root. Out: the graph in which every node is as simple as the
table makes it, equal nodes merged. Operands are settled first, then a node's rules are tried in order; what a rule
makes is settled in the same way before it stands for the node. So each node is visited once and the time is linear in
their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lazygraph.compiler.ir.graph import Graph, Interner, Node, Value, origin, topological

STEPS_PER_NODE = 64  # more applications than this per node of the graph: two rules undo each other


@dataclass(frozen=True)
class Rule:
    """An equation `before -> after`. `apply(node)` gives the right side for a node that is a left side, else None.

    The right side is never worse. It has the same bits, save where the table says that it is the more accurate side.
    """

    equation: str
    apply: Callable[[Node], Value | None]


class RuleTable:
    """Rules by the name of the op at their root, in the order in which they are tried.

    `where` tells the nodes that the rules entered here are equations for.
    """

    def __init__(self, *parts: RuleTable, where: Callable[[Node], bool] = lambda node: True) -> None:
        self._by_op: dict[str, list[Rule]] = {}
        self._where = where
        for part in parts:
            for op, rules in part._by_op.items():
                self._by_op.setdefault(op, []).extend(rules)

    def rule(self, equation: str, *ops: str) -> Callable[[Callable[[Node], Value | None]], Rule]:
        """Enter the decorated function as a rule for nodes of these single-result ops."""

        def enter(apply: Callable[[Node], Value | None]) -> Rule:
            rule = Rule(equation, lambda node: apply(node) if self._where(node) else None)
            for op in ops:
                self._by_op.setdefault(op, []).append(rule)
            return rule

        return enter

    def of(self, op: str) -> Sequence[Rule]:
        return self._by_op.get(op, ())

    def __iter__(self) -> Iterator[Rule]:
        """Every rule once."""
        return iter({rule: None for rules in self._by_op.values() for rule in rules})


class RulesDoNotSettle(RuntimeError):
    """Two rules of a table undo each other: a mistake in the table, never in the graph."""


def simplify(roots: Sequence[Value], table: RuleTable) -> list[Value]:
    """The simplest form of each root. Parameters and whatever no rule changes keep their identity."""
    return _Sweep(table, STEPS_PER_NODE * (64 + len(topological(roots)))).settle(roots)


def simplified(graph: Graph, table: RuleTable) -> Graph:
    """The graph over the simplest form of each result."""
    settled = iter(simplify(graph.results, table))
    outputs = tuple([next(settled) for _ in graph.outputs])
    updates = tuple([(variable, next(settled)) for variable, _ in graph.updates])
    return Graph(graph.name, graph.inputs, outputs, graph.variables, updates, tuple(settled))


class _Sweep:
    """The state of one sweep: what each value has become, and which replacements are still being settled."""

    def __init__(self, table: RuleTable, most_steps: int) -> None:
        self.table = table
        self.steps_left = most_steps
        self.interner = Interner(lambda inner: simplified(inner, table))
        self.settled: dict[Value, Value] = {}
        self.replacements: dict[Node, tuple[Node, Value]] = {}  # node -> (it over settled inputs, what stands for it)

    def settle(self, roots: Sequence[Value]) -> list[Value]:
        settled, stack = self.settled, [root.node for root in reversed(roots)]
        while stack:
            node = stack[-1]
            if node.outputs[0] in settled:
                stack.pop()
                continue
            if node in self.replacements:
                made, replacement = self.replacements[node]
                if replacement in settled:
                    settled[node.outputs[0]] = settled[made.outputs[0]] = settled[replacement]
                    stack.pop()
                else:
                    stack.append(replacement.node)
                continue
            waiting = [operand.node for operand in node.inputs if operand not in settled]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            if self._decide(node):
                stack.pop()
        return [settled[root] for root in roots]

    def _decide(self, node: Node) -> bool:
        """Settle a node whose operands are settled; False where a rule's result has to be settled first."""
        made = self.interner.node(node, tuple([self.settled[operand] for operand in node.inputs]))
        if made.outputs[0] in self.settled:
            for old, new in zip(node.outputs, made.outputs):
                self.settled[old] = self.settled[new]
            return True
        replacement = self._rewritten(made)
        if replacement is None:
            for old, new in zip(node.outputs, made.outputs):
                self.settled[old] = self.settled[new] = new
            return True
        self.replacements[node] = self.replacements[made] = (made, replacement)
        return False

    def _rewritten(self, made: Node) -> Value | None:
        """The right side of the first rule that fires; its new nodes carry the frames of the node they stand for."""
        rules = self.table.of(made.op.name)
        if not rules:
            return None
        with origin(made.frames):
            for rule in rules:
                replacement = rule.apply(made)
                if replacement is not None:
                    self._check_step(rule, made, replacement)
                    return replacement
        return None

    def _check_step(self, rule: Rule, made: Node, replacement: Value) -> None:
        self.steps_left -= 1
        if self.steps_left < 0 or made in self.replacements:
            raise RulesDoNotSettle(f"{made!r} comes back after {rule.equation!r}: expected rules that end")
        if replacement.type != made.outputs[0].type:
            raise RulesDoNotSettle(
                f"{rule.equation!r} gives {replacement.type}: expected {made.outputs[0].type}, the type of {made!r}"
            )
