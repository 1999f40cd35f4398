"""What each Lambda function calls outside of itself: operations of AWS, and what it reaches without them.

A call is followed by name to every function of the workspace that it can mean, from `main` on. Rust's types are not known here, so
a name may lead too far; a right that is then asked for in vain shows as a finding, and the name in question is made clearer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import ServiceModel

from rights import Problem
from rights.rust import Call, Crate, Function

SDK = "aws-sdk-"
# By the service ids of botocore, which Rust's crates are named after; where botocore's own name is another.
BOTOCORE_NAMES = {"eventbridge": "events", "sfn": "stepfunctions"}


@dataclass(frozen=True)
class Marker:
    """A call of a library that reaches out."""

    name: str
    qualifier: str | None = None

    def is_in(self, call: Call) -> bool:
        """Whether a call is this one."""
        if self.qualifier is None:
            return call.receiver not in (None, "self") and call.name == self.name
        return (call.qualifier, call.name) == (self.qualifier, self.name)


# Libraries that reach out by themselves: how that looks in the code, and what it is called below.
REACHING = {
    # Not where it leads, but on what: an index is a resource of its own.
    "aws-sdk-dynamodb": {Marker("index_name"): "an index of a table"},
    "tokio-postgres": {Marker("connect"): "ledger"},
    "rdkafka": {
        Marker("from_config_and_context", "FutureProducer"): "the log",
        Marker("from_config_and_context", "StreamConsumer"): "the log",
    },
    "redis": {Marker("query_async"): "memory"},
    "ureq": {Marker("put"): "CloudFormation's answer", Marker("call"): "the issuer's key set"},
}

# The parts of a transaction of DynamoDB, each of which needs the right to be done alone; the transaction itself needs none ("Using IAM
# with DynamoDB transactions").
TRANSACTIONS = {"TransactWriteItems"}
PARTS = {Marker("builder", "Put"): "PutItem", Marker("builder", "Update"): "UpdateItem", Marker("builder", "Delete"): "DeleteItem"}
PARTS |= {Marker("builder", "ConditionCheck"): "ConditionCheckItem"}

# Sockets of the standard library. X-Ray's daemon runs beside the function, not in its VPC: Lambda starts it at a link-local address
# ("AWS Lambda and AWS X-Ray", X-Ray Developer Guide; a function in a VPC has it as well, github.com/aws/aws-xray-daemon/issues/26).
SOCKETS = {Marker("bind", "UdpSocket"): "X-Ray's daemon"}
# Who says so signs in to the ledger with a token, wherever in the workspace.
SIGN_IN = {Marker("Iam", "Authentication"): "IAM token for the ledger"}
UNKNOWN_SOCKETS = {Marker("connect", "TcpStream"), Marker("connect", "UnixStream")}
# Of these packages it is known where they lead: webhooks go wherever merchants want, and to no address that is not public.
INTERNET = "the Internet"
KNOWN_SOCKETS = {"webhooks": {Marker("connect", "TcpStream"): INTERNET}}

# Those that reach nothing but what Lambda itself puts beside a function: the runtime's API, and the daemon of X-Ray, both of
# them link-local or loopback and no part of the VPC.
BESIDE_THE_FUNCTION = {"lambda_http", "lambda_runtime"}

# Those that bring only what others use, or nothing that leaves the process. Of socket2 only an option of connections that clients made.
REACHING_NOTHING = {
    "aes-siv", "aws-lc-rs", "aws-config", "aws-credential-types", "aws-sigv4", "aws-smithy-http-client", "aws-smithy-runtime-api",
    "aws-smithy-types",
    "aws_lambda_events", "axum", "base64", "bytes", "clap", "csv", "encoding_rs", "fastrand", "futures", "hmac", "http-body-util", "hyper",
    "hyper-util", "iso_currency", "jiff", "jsonwebtoken", "mime", "postgres-protocol", "refinery", "refinery-core", "rustls", "serde",
    "serde_json", "sha2", "socket2", "subtle", "thiserror", "time", "tokio", "tokio-postgres-rustls", "tokio-rustls", "tower", "tracing",
    "tracing-serde",
    "tracing-subscriber", "url", "uuid", "webpki-roots",
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Operation:
    """An operation of an AWS API."""

    service: str
    """As botocore calls it."""
    name: str


@dataclass
class Reach:
    """What one Lambda function reaches, and from where in the code."""

    operations: dict[Operation, set[str]] = field(default_factory=dict)
    ways: dict[str, set[str]] = field(default_factory=dict)


@cache
def operations_of(sdk: str) -> dict[str, Operation]:
    """The operations of an SDK crate, by the methods of its client that begin them."""
    service = sdk.removeprefix(SDK)
    service = BOTOCORE_NAMES.get(service, service)
    return {xform_name(name): Operation(service, name) for name in model_of(service).operation_names}


@cache
def model_of(service: str) -> ServiceModel:
    """What botocore knows of a service."""
    try:
        return botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        raise Problem(f"botocore knows no service {service}: say in BOTOCORE_NAMES which one its crate is for.") from None


class Graph:
    """Which function can call which."""

    def __init__(self, crates: dict[str, Crate]) -> None:
        self._crates = crates
        self._by_name: dict[str, list[Function]] = {}
        for crate in crates.values():
            for function in crate.functions:
                self._by_name.setdefault(function.name, []).append(function)
        self._types = {function.owner for crate in crates.values() for function in crate.functions}
        self._traits = {(one.crate, one.name): one.owner for crate in crates.values() for one in crate.functions if one.is_declared}

    def visible(self, crate: str) -> frozenset[str]:
        """A package and those of the workspace that it is built with."""
        found, left = set(), [crate]
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += [other for other in self._crates[name].dependencies if other in self._crates]
        return frozenset(found)

    def reached(self, crate: str) -> list[Function]:
        """Every function that `main` of a package can come to."""
        visible = {name: self.visible(name) for name in self.visible(crate)}
        found: dict[Function, None] = {}
        left = [function for function in self._by_name["main"] if function.crate == crate]
        if not left:
            raise Problem(f"The program {crate} has no main.")
        while left:
            function = left.pop()
            if function in found:
                continue
            found[function] = None
            for call in function.calls:
                left += self._meant(function, call, visible[function.crate])
                # A package that calls a method of its own trait calls what others of the program have made of it.
                trait = self._traits.get((function.crate, call.name)) if call.receiver is not None else None
                left += [one for one in self._by_name.get(call.name, []) if trait and one.of_trait == trait and one.crate in visible[crate]]
        return list(found)

    def _meant(self, caller: Function, call: Call, visible: frozenset[str]) -> list[Function]:
        named = [function for function in self._by_name.get(call.name, []) if function.crate in visible]
        if call.arguments is not None:
            named = [one for one in named if call.arguments in (one.parameters, one.parameters + (one.is_method and call.receiver is None))]
        if call.receiver is not None:
            methods = [one for one in named if one.is_method]
            own = [one for one in methods if (one.crate, one.owner) == (caller.crate, caller.owner)]
            return own if call.receiver == "self" and own else methods
        owner = caller.owner if call.qualifier == "Self" else call.qualifier
        if owner in self._types and owner is not None:
            return [one for one in named if one.owner == owner]
        if call.qualifier is not None and call.qualifier.replace("_", "-") in self._crates:
            return [one for one in named if one.owner is None and one.crate == call.qualifier.replace("_", "-")]
        free = [one for one in named if one.owner is None]
        return [one for one in free if one.crate == caller.crate] or free


def calls_out(crate: Crate, function: Function) -> Iterator[tuple[Operation | str, Call]]:
    """The operations and ways that a function of the workspace begins itself."""
    for call in function.calls:
        known = KNOWN_SOCKETS.get(crate.name, {})
        if any(marker.is_in(call) for marker in UNKNOWN_SOCKETS - known.keys()):
            raise Problem(f"{function.place}: a socket. Say in reach.py where it leads.")
        for marker, way in (SOCKETS | SIGN_IN | known).items():
            if marker.is_in(call):
                yield way, call
    for library in sorted(crate.dependencies):
        for call in function.calls:
            if library.startswith(SDK) and call.receiver not in (None, "self"):
                # The client's methods take nothing: what an operation is given is said afterwards.
                operation = operations_of(library).get(call.name) if call.arguments == 0 else None
                if operation and operation.name not in TRANSACTIONS:
                    yield operation, call
                if call.name.startswith("wait_until_"):
                    raise Problem(f"{function.place}: a waiter of {library}. Say in reach.py which operation it repeats.")
            if library == f"{SDK}dynamodb":
                yield from ((Operation("dynamodb", part), call) for marker, part in PARTS.items() if marker.is_in(call))
            for marker, way in REACHING.get(library, {}).items():
                if marker.is_in(call):
                    yield way, call


def reach_of(crates: dict[str, Crate]) -> dict[str, Reach]:
    """What each Lambda function and each service reaches, by the name of its program."""
    check_libraries(crates)
    graph = Graph(crates)
    found = {crate.name: Reach() for crate in crates.values() if crate.is_function or crate.is_service}
    for name, of_function in found.items():
        for function in graph.reached(name):
            for target, _ in calls_out(crates[function.crate], function):
                into = of_function.operations if isinstance(target, Operation) else of_function.ways
                into.setdefault(target, set()).add(function.place)
    return found


def variables_of(crates: dict[str, Crate], program: str) -> set[str]:
    """The environment variables that a program can read, wherever it comes to from `main`."""
    return set().union(*(function.literals for function in Graph(crates).reached(program)))


def call_sites(crates: dict[str, Crate]) -> dict[str, set[Operation | str]]:
    """Everywhere that something is called outside of the process, by place in the code."""
    found: dict[str, set[Operation | str]] = {}
    for crate in crates.values():
        for function in crate.functions:
            for target, _ in calls_out(crate, function):
                found.setdefault(function.place, set()).add(target)
    return found


def check_libraries(crates: dict[str, Crate]) -> None:
    """Every library is known to reach something or nothing, so that none reaches out unseen."""
    used = {library for crate in crates.values() for library in crate.dependencies} - crates.keys()
    known = REACHING.keys() | BESIDE_THE_FUNCTION | REACHING_NOTHING
    unknown = {library for library in used - known if not library.startswith(SDK)}
    if unknown:
        raise Problem(f"Say in reach.py whether these libraries reach out of a function, and how: {', '.join(sorted(unknown))}.")
