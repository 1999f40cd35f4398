"""Reads the ledger's SQL with PostgreSQL's own parser: its unique keys, and what each statement says about the merchant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.enums import ConstrType
from pglast.parser import ParseError

CHECKOUT = Path(__file__).resolve().parent.parent.parent
MIGRATIONS = sorted((CHECKOUT / "migrations").glob("V*.sql"), key=lambda path: int(path.name[1:].split("__")[0]))
STATEMENTS = sorted((CHECKOUT / "crates" / "ledger" / "src" / "sql").rglob("*.sql"))
MERCHANT = "merchant_id"
UNIQUE = {ConstrType.CONSTR_PRIMARY, ConstrType.CONSTR_UNIQUE, ConstrType.CONSTR_EXCLUSION}


@dataclass
class Table:
    """What the migrations leave of a table."""

    columns: set[str] = field(default_factory=set)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The columns of primary keys and unique ones, by name."""
    references: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    """The columns of foreign keys, here and there, by name."""


@dataclass
class Schema:
    """What all migrations leave."""

    tables: dict[str, Table] = field(default_factory=dict)
    views: dict[str, ast.SelectStmt] = field(default_factory=dict)
    functions: dict[str, ast.CreateFunctionStmt] = field(default_factory=dict)

    def of_merchants(self) -> set[str]:
        """The tables and views whose rows belong to merchants."""
        return {name for name, table in self.tables.items() if MERCHANT in table.columns} | set(self.views)


def children(node: Any) -> Iterator[Any]:
    """The nodes directly below one."""
    if isinstance(node, ast.Node):
        for name in node:
            yield getattr(node, name)
    elif isinstance(node, list | tuple):
        yield from node


def below(node: Any, kind: type) -> Iterator[Any]:
    """All nodes of a kind, the given one included."""
    if isinstance(node, kind):
        yield node
    for child in children(node):
        yield from below(child, kind)


def text_of(names: Any) -> tuple[str, ...]:
    """A list of names."""
    return tuple(name.sval for name in names or ())


def read_schema(sources: Mapping[str, str] | None = None) -> Schema:
    """Replays migrations: those of the ledger, or others."""
    schema = Schema()
    for name, text in (sources or {path.name: path.read_text() for path in MIGRATIONS}).items():
        for raw in parse_sql(text):
            try:
                apply(schema, raw.stmt)
            except (KeyError, NotImplementedError) as error:
                raise AssertionError(f"{name}: this test does not understand {error}: teach it") from error
    return schema


def apply(schema: Schema, statement: ast.Node) -> None:
    """What one statement of a migration does to keys."""
    match statement:
        case ast.CreateStmt() if statement.relation.relpersistence != "t":
            table = schema.tables.setdefault(statement.relation.relname, Table())
            for element in statement.tableElts or ():
                add(statement.relation.relname, table, element)
        case ast.AlterTableStmt():
            for command in statement.cmds:
                alter(statement.relation.relname, schema.tables[statement.relation.relname], command)
        case ast.IndexStmt() if statement.unique:
            columns = tuple(parameter.name or "an expression" for parameter in statement.indexParams)
            schema.tables[statement.relation.relname].keys[statement.idxname or "without a name"] = columns
        case ast.DropStmt():
            drop(schema, statement)
        case ast.ViewStmt():
            schema.views[statement.view.relname] = statement.query
        case ast.CreateFunctionStmt():
            schema.functions[".".join(text_of(statement.funcname))] = statement
        case ast.RenameStmt():
            raise NotImplementedError("a renaming")
        case ast.DoStmt():
            body = next(argument.arg.sval for argument in statement.args if argument.defname == "as").upper()
            if any(word in body for word in ("UNIQUE", "PRIMARY KEY", "CREATE TABLE", "ALTER TABLE")):
                raise NotImplementedError("a DO block that makes tables or keys")


def add(name: str, table: Table, element: ast.Node) -> None:
    """A column or a constraint of a table."""
    if isinstance(element, ast.ColumnDef):
        table.columns.add(element.colname)
        for constraint in element.constraints or ():
            constrain(name, table, constraint, (element.colname,))
    elif isinstance(element, ast.Constraint):
        constrain(name, table, element, text_of(element.keys))
    else:
        raise NotImplementedError(type(element).__name__)


def constrain(name: str, table: Table, constraint: ast.Constraint, columns: tuple[str, ...]) -> None:
    """A constraint, if it is a key."""
    if constraint.contype == ConstrType.CONSTR_FOREIGN:
        here = text_of(constraint.fk_attrs) or columns
        table.references[constraint.conname or f"{name}_{'_'.join(here)}_fkey"] = (here, text_of(constraint.pk_attrs))
    elif constraint.contype in UNIQUE:
        if constraint.indexname or constraint.contype == ConstrType.CONSTR_EXCLUSION:
            raise NotImplementedError("a key of an existing index, or an exclusion")
        end = "pkey" if constraint.contype == ConstrType.CONSTR_PRIMARY else f"{'_'.join(columns)}_key"
        table.keys[constraint.conname or f"{name}_{end}"] = columns


def alter(name: str, table: Table, command: ast.AlterTableCmd) -> None:
    """A change of a table."""
    match command.subtype.name:
        case "AT_AddColumn" | "AT_AddConstraint":
            add(name, table, command.def_)
        case "AT_DropConstraint":
            if table.keys.pop(command.name, None) is None and table.references.pop(command.name, None) is None:
                raise KeyError(command.name)
        case "AT_DropColumn":
            table.columns.remove(command.name)
            table.keys = {key: columns for key, columns in table.keys.items() if command.name not in columns}


def drop(schema: Schema, statement: ast.DropStmt) -> None:
    """Tables, views and indexes that go."""
    for target in statement.objects:
        if not isinstance(target, tuple | list):
            continue
        name = target[-1].sval
        match statement.removeType.name:
            case "OBJECT_TABLE":
                schema.tables.pop(name, None)
            case "OBJECT_VIEW":
                schema.views.pop(name)
            case "OBJECT_INDEX":
                for table in schema.tables.values():
                    table.keys.pop(name, None)


@dataclass(frozen=True)
class Statement:
    """One statement, and which of its parameters are the merchant."""

    where: str
    node: ast.Node
    merchants: frozenset[int]


def of_function(name: str, function: ast.CreateFunctionStmt, source: str) -> Iterator[Statement]:
    """The statements of a function, whose merchant is its first parameter or, in a trigger, the row's."""
    given = frozenset({1} if takes_merchant(function) else ())
    if function.sql_body is not None:
        bodies = function.sql_body
        while isinstance(bodies, list | tuple) and len(bodies) == 1 and isinstance(bodies[0], list | tuple):
            (bodies,) = bodies
        yield from (Statement(name, body, given) for body in bodies)
        return
    language = next(option.arg.sval for option in function.options if option.defname == "language")
    if language != "plpgsql":
        raise AssertionError(f"{name}: a body in the language {language} as text is not read; write BEGIN ATOMIC")
    for compiled in parse_plpgsql(source):
        yield from of_plpgsql(name, compiled, given)


def of_plpgsql(name: str, node: Any, given: frozenset[int]) -> Iterator[Statement]:
    """The statements below a node of PL/pgSQL, those as text for EXECUTE included."""
    if isinstance(node, list):
        for child in node:
            yield from of_plpgsql(name, child, given)
    elif isinstance(node, dict):
        if "PLpgSQL_stmt_dynexecute" in node:
            dynamic = node["PLpgSQL_stmt_dynexecute"]
            parameters = [each["PLpgSQL_expr"]["query"].strip() for each in dynamic.get("params", [])]
            passed = frozenset(number for number, text in enumerate(parameters, 1) if text.startswith("$") and int(text[1:]) in given)
            (constant,) = parse_sql("SELECT " + dynamic["query"]["PLpgSQL_expr"]["query"])[0].stmt.targetList
            if not isinstance(constant.val, ast.A_Const):
                raise AssertionError(f"{name}: EXECUTE of a text that is put together cannot be checked")
            yield from (Statement(name, raw.stmt, passed) for raw in parse_sql(constant.val.val.sval))
            return
        if "PLpgSQL_expr" in node:
            yield Statement(name, parse_expression(node["PLpgSQL_expr"]["query"]), given)
        for child in node.values():
            yield from of_plpgsql(name, child, given)


def parse_expression(text: str) -> ast.Node:
    """A statement, or an expression as one."""
    try:
        return parse_sql(text)[0].stmt
    except ParseError:
        return parse_sql(f"SELECT {text.partition(':=')[2] or text}")[0].stmt


def takes_merchant(function: ast.CreateFunctionStmt) -> bool:
    """Whether the first parameter of a function is the merchant."""
    first = next(iter(function.parameters or ()), None)
    return first is not None and first.name == MERCHANT


def functions_of(text: str) -> Iterator[tuple[str, ast.CreateFunctionStmt, str]]:
    """The functions that a file makes: name, tree and text."""
    for raw in parse_sql(text):
        if isinstance(raw.stmt, ast.CreateFunctionStmt):
            end = raw.stmt_location + raw.stmt_len if raw.stmt_len else None
            source = text.encode()[raw.stmt_location : end].decode()
            yield ".".join(text_of(raw.stmt.funcname)), raw.stmt, source
