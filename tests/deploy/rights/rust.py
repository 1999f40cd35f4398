"""The functions of the workspace's Rust sources, and what each of them calls, by name."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

from rights import CHECKOUT, Problem

PARSER = Parser(Language(tree_sitter_rust.language()))
# `LISTEN` is the one variable without an underscore.
VARIABLE = re.compile(r'"((?:[A-Z][A-Z0-9]*_[A-Z0-9_]+|LISTEN))"')


@dataclass(frozen=True)
class Call:
    """A call, or a function that is handed on by name."""

    name: str
    qualifier: str | None = None
    """What stands before `::`: a type, a module or a crate."""
    receiver: str | None = None
    """The text before `.`; `None` for what is no method call."""
    arguments: int | None = None
    """How many there are; `None` where they cannot be counted."""


@dataclass(frozen=True)
class Function:
    """A function, or a method of a type."""

    crate: str
    owner: str | None
    name: str
    parameters: int
    """Without `self`."""
    is_method: bool
    place: str
    """File and line, for people."""
    calls: tuple[Call, ...] = field(repr=False, compare=False)
    literals: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """The texts in it that can be names of environment variables."""
    is_declared: bool = False
    """Whether a trait only says that there is one: those that are called are in other packages, too."""
    of_trait: str | None = None
    """The trait that it is a method of, for a type."""


@dataclass(frozen=True)
class Crate:
    """A package of the workspace."""

    name: str
    is_function: bool
    """Whether it is a program that Lambda runs."""
    is_service: bool
    """Whether it is a program that Kubernetes runs."""
    dependencies: frozenset[str]
    """The names of its normal dependencies, of the workspace and others; not those of its tests."""
    functions: tuple[Function, ...]


@cache
def workspace(root: Path = CHECKOUT) -> dict[str, Crate]:
    """The packages that functions are made of, by name."""
    folders = sorted(path for kind in ("crates", "functions", "services") for path in (root / kind).glob("*"))
    crates = [read_crate(root, folder) for folder in folders if (folder / "Cargo.toml").exists()]
    return {crate.name: crate for crate in crates}


def read_crate(root: Path, folder: Path) -> Crate:
    """One package."""
    manifest = tomllib.loads((folder / "Cargo.toml").read_text())
    unknown = manifest.keys() & {"target", "build-dependencies"}
    if unknown:
        raise Problem(f"{folder}/Cargo.toml has {', '.join(sorted(unknown))}, whose dependencies are not looked at: mend rust.py.")
    name = manifest["package"]["name"]
    functions = [function for file in sorted(folder.glob("src/**/*.rs")) for function in read_file(name, file, root)]
    kind = folder.parent.name
    return Crate(name, kind == "functions", kind == "services", frozenset(manifest.get("dependencies", {})), tuple(functions))


def read_file(crate: str, file: Path, root: Path) -> Iterator[Function]:
    """The functions of one file."""
    tree = PARSER.parse(file.read_bytes())
    if tree.root_node.has_error:
        raise Problem(f"{file} cannot be parsed: is tree-sitter-rust older than its syntax?")
    yield from functions_in(tree.root_node, crate, None, str(file.relative_to(root)))


def functions_in(node: Node, crate: str, owner: str | None, file: str, of_trait: str | None = None) -> Iterator[Function]:
    """The functions in a node and what is in it, and what tables of functions are made of, without those of tests."""
    is_of_tests = False
    for child in node.named_children:
        if child.type == "attribute_item":
            is_of_tests = is_of_tests or text(child).replace(" ", "") in ("#[cfg(test)]", "#[test]", "#[tokio::test]")
            continue
        if not is_of_tests and child.type != "line_comment":
            inner, trait = owner, of_trait
            if child.type in ("impl_item", "trait_item"):
                inner, trait = owner_of(child), last_name(child.child_by_field_name("trait"))
            if child.type in ("function_item", "function_signature_item"):
                yield read_function(child, crate, owner, file, of_trait)
            if child.type == "static_item":
                yield read_static(child, crate, file)
            yield from functions_in(child, crate, inner, file, trait)
        if child.type not in ("line_comment", "block_comment"):
            is_of_tests = False


def owner_of(node: Node) -> str:
    """The type that an `impl` is of, or the name of a trait."""
    named = node.child_by_field_name("type") or node.child_by_field_name("name")
    if named is None:
        raise Problem(f"Line {node.start_point.row + 1}: an impl of no type.")
    if named.type == "generic_type":
        named = named.child_by_field_name("type")
    return text(named).rsplit("::", 1)[-1]


def read_static(node: Node, crate: str, file: str) -> Function:
    """A table of functions, as if it called them: who names it can."""
    name, value = (node.child_by_field_name(part) for part in ("name", "value"))
    calls = tuple(calls_in(value)) if value is not None else ()
    return Function(crate, None, text(name), 0, False, f"{file}:{node.start_point.row + 1}", calls)


def kind_of_parameter(node: Node) -> str:
    """`self` may have a type, such as `self: &Arc<Self>`."""
    pattern = node.child_by_field_name("pattern")
    return "self_parameter" if pattern is not None and pattern.type == "self" else node.type


def read_function(node: Node, crate: str, owner: str | None, file: str, of_trait: str | None) -> Function:
    """One function."""
    name, parameters, body = (node.child_by_field_name(part) for part in ("name", "parameters", "body"))
    kinds = [kind_of_parameter(parameter) for parameter in parameters.named_children]
    return Function(
        crate=crate,
        owner=owner,
        name=text(name),
        parameters=kinds.count("parameter"),
        is_method="self_parameter" in kinds,
        place=f"{file}:{node.start_point.row + 1}",
        calls=tuple(calls_in(body)) if body is not None else (),
        literals=frozenset(VARIABLE.findall(text(body))) if body is not None else frozenset(),
        is_declared=body is None,
        of_trait=of_trait,
    )


def calls_in(node: Node) -> Iterator[Call]:
    """Everything that is called in a node, and every name that may be a function's."""
    match node.type:
        case "call_expression":
            function = node.child_by_field_name("function")
            if function.type == "generic_function":
                function = function.child_by_field_name("function")
            yield from called(function, len(arguments_of(node.child_by_field_name("arguments"))))
            if function.type in ("identifier", "scoped_identifier"):
                yield from calls_in(node.child_by_field_name("arguments"))
                return
        case "scoped_identifier" | "identifier":
            yield from called(node, None)
            return
        case "token_tree":
            yield from calls_in_tokens(node.children)
            return
        case "tuple_struct_pattern" | "struct_pattern":
            # Takes apart what the path names, and makes none.
            for inner in node.named_children[1:]:
                yield from calls_in(inner)
            return
    for child in node.named_children:
        yield from calls_in(child)


def called(function: Node, arguments: int | None) -> Iterator[Call]:
    """What a call names: a method, a path or a plain function."""
    match function.type:
        case "field_expression":
            name, receiver = function.child_by_field_name("field"), function.child_by_field_name("value")
            yield Call(text(name), receiver=text(receiver), arguments=arguments)
        case "scoped_identifier":
            qualifier = function.child_by_field_name("path")
            yield Call(text(function.child_by_field_name("name")), qualifier=last_name(qualifier), arguments=arguments)
        case "identifier":
            yield Call(text(function), arguments=arguments)


def calls_in_tokens(tokens: list[Node]) -> Iterator[Call]:
    """The arguments of macros are not parsed: every name in them may be a function's."""
    for index, token in enumerate(tokens):
        if token.type == "token_tree":
            yield from calls_in_tokens(token.children)
        elif token.type == "identifier":
            before = [text(one) for one in tokens[max(index - 2, 0) : index]]
            if before[-1:] == ["."]:
                is_call = index + 1 < len(tokens) and tokens[index + 1].type == "token_tree"
                if is_call:
                    empty = text(tokens[index + 1]).replace(" ", "") == "()"
                    yield Call(text(token), receiver=" ".join(before[:-1]), arguments=0 if empty else None)
            else:
                yield Call(text(token), qualifier=before[0] if before[-1:] == ["::"] else None)


def arguments_of(arguments: Node) -> list[Node]:
    """The arguments themselves, without comments."""
    return [argument for argument in arguments.named_children if argument.type not in ("line_comment", "block_comment", "attribute_item")]


def last_name(path: Node | None) -> str | None:
    """The last name of a path, without type arguments."""
    if path is None:
        return None
    if path.type == "scoped_identifier":
        path = path.child_by_field_name("name")
    elif path.type in ("generic_type", "bracketed_type"):
        return last_name(path.child_by_field_name("type") or path.named_children[0])
    return text(path).rsplit("::", 1)[-1]


def text(node: Node) -> str:
    """The source of a node."""
    return node.text.decode()
