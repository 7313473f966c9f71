"""Small deliberate defects: each mutant is one module with one node of its syntax tree changed."""

import ast
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_ANNOTATIONS = frozenset({"annotation", "returns", "decorator_list"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect: where it is, what the line said, what the node said and says now, and the changed module."""

    module: str
    path: str
    lineno: int
    line: str
    before: str
    after: str
    tree: ast.Module

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What an argument for equivalence names."""
        return self.module, self.line, self.before, self.after


def mutants_of(module: str, path: str, text: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    tree, lines = ast.parse(text), text.splitlines()
    for place in range(sum(1 for _ in _places(tree))):
        changed = deepcopy(tree)
        parent, field, at, old, new = next(item for n, item in enumerate(_places(changed)) if n == place)
        before = ast.unparse(old)
        _put(parent, field, at, new)
        ast.fix_missing_locations(changed)
        lineno = getattr(old, "lineno", 1)
        yield Mutant(module, path, lineno, lines[lineno - 1].strip(), before, ast.unparse(new), changed)


def _put(parent: ast.AST, field: str, at: int | None, new: ast.AST) -> None:
    if at is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[at] = new


_Place = tuple[ast.AST, str, int | None, ast.AST, ast.AST]


def _places(tree: ast.AST) -> Iterator[_Place]:
    """Every (parent, field, index, node, replacement); annotations and docstrings say nothing at run time."""
    for field, value in ast.iter_fields(tree):
        if field in _ANNOTATIONS:
            continue
        children = value if isinstance(value, list) else [value]
        for at, child in enumerate(children):
            if not isinstance(child, ast.AST) or (isinstance(child, ast.keyword) and child.arg == "strict"):
                continue  # `strict` is an assertion on our own zips: true or false, right code never feels it
            for new in _changes(child):
                yield tree, field, at if isinstance(value, list) else None, child, new
            yield from _places(child)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    change = _CHANGES.get(type(node))
    if change is not None:
        yield from change(node)


def _of_compare(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.Compare)
    for at, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            changed = deepcopy(node)
            changed.ops[at] = other()
            yield changed


def _of_arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.BinOp | ast.AugAssign)
    other = _ARITHMETIC.get(type(node.op))
    if other is not None:
        changed = deepcopy(node)
        changed.op = other()
        yield changed
    if isinstance(node, ast.AugAssign):
        yield _nothing(node)


def _of_unary(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.UnaryOp)
    if not isinstance(node.op, ast.UAdd):
        yield node.operand


def _of_bool(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.BoolOp)
    yield ast.copy_location(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values), node)
    for at in range(len(node.values)):
        kept = [value for n, value in enumerate(node.values) if n != at]
        yield kept[0] if len(kept) == 1 else ast.copy_location(ast.BoolOp(node.op, kept), node)


def _of_constant(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.Constant)
    if isinstance(node.value, bool):
        yield ast.copy_location(ast.Constant(not node.value), node)
    elif isinstance(node.value, int):
        yield ast.copy_location(ast.Constant(node.value + 1), node)


def _of_call(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.Call)
    if not isinstance(node.func, ast.Name):
        return
    if node.func.id in _CALLS:
        changed = deepcopy(node)
        changed.func = ast.copy_location(ast.Name(_CALLS[node.func.id], ast.Load()), node.func)
        yield changed
    if node.func.id == "replace":
        for at in range(len(node.keywords)):
            changed = deepcopy(node)
            del changed.keywords[at]
            yield changed


def _of_choice(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.IfExp)
    yield ast.copy_location(ast.IfExp(node.test, node.orelse, node.body), node)


def _of_if(node: ast.AST) -> Iterator[ast.AST]:
    assert isinstance(node, ast.If)
    changed = deepcopy(node)
    changed.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
    yield changed


def _of_statement(node: ast.AST) -> Iterator[ast.AST]:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        yield _nothing(node)


def _nothing(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.stmt)
    return ast.copy_location(ast.Pass(), node)


_CHANGES: dict[type[ast.AST], Callable[[ast.AST], Iterator[ast.AST]]] = {
    ast.Compare: _of_compare,
    ast.BinOp: _of_arithmetic,
    ast.AugAssign: _of_arithmetic,
    ast.UnaryOp: _of_unary,
    ast.BoolOp: _of_bool,
    ast.Constant: _of_constant,
    ast.Call: _of_call,
    ast.IfExp: _of_choice,
    ast.If: _of_if,
    ast.Expr: _of_statement,
    ast.Raise: _of_statement,
    ast.Continue: _of_statement,
}
