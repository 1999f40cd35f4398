"""Whether a statement names the merchant: each table of merchants in it is tied to the one given, by equality of `merchant_id`."""

from collections.abc import Iterator
from typing import Any

from ledger_sql import MERCHANT, Statement, below, children, text_of
from pglast import ast

# What stands for the merchant that was given.
GIVEN = "the merchant given"
# The row that a trigger is about, and the rows of its statement: what is written beside a row is of its merchant.
OF_A_TRIGGER = ("new", "added")
# Whose functions take the merchant first.
SCHEMAS = ("ledger", "ledger_lookup")


class Scope:
    """The tables that one level of a query reads, and which of them are of the same merchant."""

    def __init__(self, outer: "Scope | None", merchants: frozenset[int]) -> None:
        self.outer = outer
        self.merchants = merchants
        self.tables: dict[str, str] = {}
        """Alias and name of each table of merchants."""
        self._same: dict[str, str] = {}

    def find(self, one: str) -> str:
        """What stands for all that are the same as this one."""
        while one in self._same:
            one = self._same[one]
        return one

    def join(self, one: str | None, other: str | None) -> None:
        """Both are of one merchant."""
        if one is not None and other is not None and self.find(one) != self.find(other):
            # The merchant given stands for whatever is the same.
            first, second = sorted((self.find(one), self.find(other)), key=lambda name: name == GIVEN)
            self._same[first] = second

    def is_tied(self, alias: str) -> bool:
        """Whether a table is tied to the merchant given."""
        return self.find(alias) == GIVEN

    def term(self, node: Any) -> str | None:
        """What a side of an equation stands for: an alias, the merchant given, or neither."""
        match node:
            case ast.TypeCast():
                return self.term(node.arg)
            case ast.ParamRef():
                return GIVEN if node.number in self.merchants else None
            case ast.ColumnRef() if isinstance(node.fields[-1], ast.String) and node.fields[-1].sval == MERCHANT:
                return self.column([part.sval for part in node.fields[:-1]])
        return None

    def column(self, qualifier: list[str]) -> str | None:
        """Whose `merchant_id` it is."""
        if qualifier:
            alias = qualifier[-1]
            if alias.lower() in OF_A_TRIGGER:
                return GIVEN
            if alias in self.tables or self.outer is None:
                return alias
            outer = self.outer.column(qualifier)
            return GIVEN if outer == GIVEN or (outer is not None and self.outer.is_tied(outer)) else alias
        if len(self.tables) == 1:
            return next(iter(self.tables))
        return None


def untied(statement: Statement, of_merchants: set[str], given: frozenset[str] = frozenset()) -> list[str]:
    """The tables of merchants in a statement that are not tied to the merchant given, and calls that do not pass it on.

    `given` are the tables of a view that whoever uses the view ties.
    """
    found: list[str] = []
    check(statement.node, None, statement, of_merchants, set(), found, given)
    for call in below(statement.node, ast.FuncCall):
        name = text_of(call.funcname)
        first = call.args[0] if call.args else None
        if name[0] in SCHEMAS and not (isinstance(first, ast.ParamRef) and first.number in statement.merchants):
            found.append(f"{'.'.join(name)} (called without the merchant)")
    return found


def check(
    node: Any,
    outer: Scope | None,
    statement: Statement,
    of_merchants: set[str],
    ctes: set[str],
    found: list[str],
    given: frozenset[str] = frozenset(),
) -> None:
    """One level of a query, and those below it. `given` are aliases that whoever uses a view ties."""
    if not isinstance(node, ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt):
        for inner in inner_queries(node):
            check(inner, outer, statement, of_merchants, ctes, found)
        return
    ctes = ctes | {cte.ctename for cte in (node.withClause.ctes if node.withClause else ())}
    scope = Scope(outer, statement.merchants)
    for table in own_tables(node):
        if table.relname in of_merchants and table.relname not in ctes:
            scope.tables[table.alias.aliasname if table.alias else table.relname] = table.relname
    for alias in given:
        scope.join(alias, GIVEN)
    tie(node, scope)
    if isinstance(node, ast.InsertStmt):
        insert(node, scope, statement, of_merchants, ctes, found)
    found.extend(f"{scope.tables[alias]} ({alias})" for alias in scope.tables if not scope.is_tied(alias))
    for inner in inner_queries(node):
        check(inner, scope, statement, of_merchants, ctes, found)


def inner_queries(node: Any) -> Iterator[ast.Node]:
    """The queries directly below a node: in lists of tables, expressions, WITH, and the two sides of a UNION."""
    for child in children(node):
        if isinstance(child, ast.SelectStmt | ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt):
            yield child
        else:
            yield from inner_queries(child)


def own_tables(node: ast.Node) -> Iterator[ast.RangeVar]:
    """The tables that a query itself reads or changes, without those of queries inside it. Those that are inserted into come later."""
    sources: list[Any] = []
    match node:
        case ast.SelectStmt():
            sources = [node.fromClause]
        case ast.UpdateStmt():
            sources = [node.relation, node.fromClause]
        case ast.DeleteStmt():
            sources = [node.relation, node.usingClause]
    yield from own(sources, ast.RangeVar)


def own(node: Any, kind: type) -> Iterator[Any]:
    """All nodes of a kind, without those of queries inside."""
    if isinstance(node, kind):
        yield node
    for child in children(node):
        if not isinstance(child, ast.SelectStmt):
            yield from own(child, kind)


def own_conditions(node: ast.Node) -> Iterator[Any]:
    """What holds of every row: WHERE, and ON and USING of joins that leave out what has no partner."""
    if isinstance(node, ast.SelectStmt | ast.UpdateStmt | ast.DeleteStmt):
        yield node.whereClause
    for source in (getattr(node, "fromClause", None), getattr(node, "usingClause", None)):
        yield from own(source, ast.JoinExpr)


def tie(node: ast.Node, scope: Scope) -> None:
    """Ties what conditions tie. ON of an outer join leaves no row out of the table on its left, so it ties the other one only."""
    conditions = list(own_conditions(node))
    outer_joins = [each for each in conditions if isinstance(each, ast.JoinExpr) and each.jointype.name != "JOIN_INNER"]
    for condition in conditions:
        if condition not in outer_joins:
            for one, other in equations(condition, scope):
                scope.join(one, other)
    for condition in reversed(outer_joins):
        if condition.jointype.name == "JOIN_LEFT":
            right = set(aliases(condition.rarg))
            for one, other in equations(condition, scope):
                for inside, outside in ((one, other), (other, one)):
                    if inside in right and outside is not None and scope.is_tied(outside):
                        scope.join(inside, outside)


def aliases(node: Any) -> list[str]:
    """The names of the tables of a FROM."""
    return [table.alias.aliasname if table.alias else table.relname for table in own(node, ast.RangeVar)]


def equations(condition: Any, scope: Scope) -> Iterator[tuple[str | None, str | None]]:
    """What a condition says about merchants. Only what has to hold counts: OR says nothing."""
    match condition:
        case ast.JoinExpr():
            yield from equations(condition.quals, scope)
            if MERCHANT in text_of(condition.usingClause):
                first, *rest = aliases(condition)
                yield from ((first, other) for other in rest)
        case ast.BoolExpr() if condition.boolop.name == "AND_EXPR":
            for part in condition.args:
                yield from equations(part, scope)
        case ast.A_Expr() if condition.kind.name == "AEXPR_OP" and text_of(condition.name) == ("=",):
            left, right = condition.lexpr, condition.rexpr
            if isinstance(left, ast.RowExpr) and isinstance(right, ast.RowExpr):
                yield from ((scope.term(one), scope.term(other)) for one, other in zip(left.args, right.args, strict=True))
            else:
                yield scope.term(left), scope.term(right)


def insert(node: ast.InsertStmt, scope: Scope, statement: Statement, of_merchants: set[str], ctes: set[str], found: list[str]) -> None:
    """What is inserted is of the merchant given, and what it meets there as well."""
    if node.relation.relname not in of_merchants:
        return
    columns = [column.name for column in node.cols or ()]
    if MERCHANT not in columns:
        found.append(f"{node.relation.relname} (inserted without {MERCHANT})")
        return
    place = columns.index(MERCHANT)
    source = node.selectStmt
    inner = Scope(scope, statement.merchants)
    for table in own_tables(source):
        if table.relname in of_merchants and table.relname not in ctes:
            inner.tables[table.alias.aliasname if table.alias else table.relname] = table.relname
    tie(source, inner)
    rows = source.valuesLists or [[target.val for target in source.targetList]]
    for row in rows:
        if any(list(below(value, ast.A_Star)) for value in row[:place]):
            found.append(f"{node.relation.relname} (inserted after a star)")
            continue
        value = inner.term(row[place])
        if value is None or not (value == GIVEN or inner.is_tied(value)):
            found.append(f"{node.relation.relname} (inserted for another merchant)")
    target = node.onConflictClause.infer if node.onConflictClause else None
    if target is not None and target.indexElems and MERCHANT not in [element.name for element in target.indexElems]:
        found.append(f"{node.relation.relname} (in conflict without {MERCHANT})")
