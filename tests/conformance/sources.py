"""Reads a connector's source for what no message shows: digests that are compared in a time that tells."""

import ast

_DIGESTS = frozenset({"hexdigest", "digest", "hmac_sha512", "secure_hash", "signature"})
_NAMES = ("hash", "signature", "mac", "digest", "hmac", "checksum")


def plain_comparisons(source: str) -> list[int]:
    """The lines that compare a digest with `==`, `!=` or `in` instead of in constant time."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for operator in node.ops)
        and any(_is_digest(side) for side in (node.left, *node.comparators))
    ]


def _is_digest(node: ast.expr) -> bool:
    """A call that makes a digest, also as `.lower()` or `.upper()` of it, or a name that says it holds one."""
    match node:
        case ast.Call(func=ast.Attribute(attr=("lower" | "upper"), value=inner)):
            return _is_digest(inner)
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name in _DIGESTS
        case ast.Name(id=name):
            return not name.isupper() and name.lower().endswith(_NAMES)  # constants name fields
        case _:
            return False
