"""Which hot route an address means: fixed addresses by one look, the others by their pattern."""

from collections.abc import Callable, Iterable, Mapping
from re import Match
from types import MappingProxyType
from typing import Final

from starlette.routing import compile_path

from paygw.web.routes import Route

Found = tuple[Route, Mapping[str, str]]
_Fits = Callable[[str], Match[str] | None]

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Table:
    """Some routes of an application. Parameters of a path are text between two slashes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[tuple[str, str], Route] = {}
        self._patterns: dict[str, list[tuple[_Fits, Route]]] = {}
        for route in routes:
            for method in (route.method, "HEAD") if route.method == "GET" else (route.method,):
                self._add(method, route)

    def _add(self, method: str, route: Route) -> None:
        if "{" in route.path:
            fits = compile_path(route.path)[0].match
            self._patterns.setdefault(method, []).append((fits, route))
        else:
            self._fixed.setdefault((method, route.path), route)

    def find(self, method: str, path: str) -> Found | None:
        """The route and the parameters of its path, if it is one of these."""
        route = self._fixed.get((method, path))
        if route is not None:
            return route, _NONE
        for fits, one in self._patterns.get(method, ()):
            match = fits(path)
            if match is not None:
                return one, match.groupdict()
        return None
