"""The limits on the way of an entry and of a read: at which rate each binds by default, and after the usual increase."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cost import requests, workflow
from cost.problem import Problem
from cost.quantities import Quantities
from cost.requests import BATCH, ENTRY, READ
from cost.template import FUNCTION, Stack

from capacity import measured
from capacity.measured import Writer
from capacity.quotas import Quota, Quotas


@dataclass(frozen=True)
class Limit:
    """One limit, in entries (or reads) a second."""

    stage: str
    name: str
    default: Decimal
    raised: Decimal
    next: str
    """What an operator changes when it binds."""
    of_one_merchant: bool = False
    stops: bool = True
    """Whether entries are refused or delayed above it; otherwise something is only left out."""
    is_measured: bool = False
    """Measured so far, on a small machine: more may be possible."""


@dataclass(frozen=True)
class Situation:
    """A stack in an account of a region."""

    stack: Stack
    raised: Stack
    """The same with the parameters that an operator raises."""
    quotas: Quotas
    quantities: Quantities
    writer: Writer
    is_large_region: bool = False
    is_new_account: bool = False

    def default(self, name: str) -> Decimal:
        """A quota as it is."""
        quota = self.quotas[name]
        if self.is_new_account and quota.new_account is not None:
            return quota.new_account
        return numbered(quota, quota.large if self.is_large_region and quota.large is not None else quota.default)

    def after(self, name: str) -> Decimal:
        """A quota after an increase; a new account first gets what others have."""
        quota = self.quotas[name]
        if self.is_new_account and quota.new_account is not None:
            return numbered(quota, quota.default)
        raised = numbered(quota, quota.raised)
        return max(raised, quota.large) if self.is_large_region and quota.large is not None else raised


def numbered(quota: Quota, value: Decimal | None) -> Decimal:
    """A quota's number."""
    if value is None:
        raise Problem(f"{quota.name} has no single number.")
    return value


def situation(stack: Stack, quotas: Quotas, quantities: Quantities, is_new_account: bool, is_large_region: bool = False) -> Situation:
    """A stack with what an operator raises beside it. A new account reserves nothing, before and after."""
    raised = {name: quotas.raised_parameter(name) for name in quotas.parameters if name != "AcceptingConcurrency"}
    if stack.parameter("AcceptingConcurrency") != "0":
        raised["AcceptingConcurrency"] = quotas.raised_parameter("AcceptingConcurrency")
    return Situation(stack, stack.having(raised), quotas, quantities, measured.writer(), is_large_region, is_new_account)


def of_entries(at: Situation, entries: int) -> list[Limit]:
    """What bounds entries that come in requests of this size, in the order of their way."""
    if entries not in (1, 500):
        raise Problem(f"Limits are computed for single entries and batches of 500, not of {entries}.")
    per_request = [*gateway(at, "WritesPerSecond", start_quota(at)), *accepting(at, entries), *starting(at), *running(at, entries)]
    found = [scaled(limit, entries) for limit in per_request]
    return [*found, *writing(at, entries)]


def of_reads(at: Situation) -> list[Limit]:
    """What bounds reads of balances."""
    function = requests.function_behind(READ.route, at.stack)
    each = measured.duration_s(at.stack, function, at.quantities, 1)
    units = measured.read_units(at.quantities)
    return [
        *gateway(at, "ReadsPerSecond", at.after("gateway_rps")),
        pool_limit(at, "Balance", "the account's concurrency", [each]),
        Limit("Balance", "DynamoDB, the table", at.default("table_reads") / units, at.after("table_reads") / units, "warm throughput"),
        Limit(
            "Balance",
            "DynamoDB, one merchant's partition",
            at.default("partition_reads") / units,
            at.after("partition_reads") / units,
            "read ranges of days in one request",
            of_one_merchant=True,
        ),
    ]


def start_quota(at: Situation) -> Decimal:
    """How many executions may be started a second, after an increase."""
    return at.after(f"start_{at.stack.parameter('WorkflowType').lower()}_rps")


def gateway(at: Situation, parameter: str, raised: Decimal) -> Iterator[Limit]:
    """The stage's own throttle of a route, and the account's."""
    yield Limit(
        "Gateway", f"`{parameter}`, a route", Decimal(at.stack.parameter(parameter)), raised, f"`{parameter}`, up to the next limit"
    )
    yield Limit("Gateway", "API Gateway, the account", at.default("gateway_rps"), at.after("gateway_rps"), "quota *Throttle rate*")


def accepting(at: Situation, entries: int) -> Iterator[Limit]:
    """The function at the door, if it has concurrency of its own, and the cache, which it can do without."""
    function = requests.function_behind((ENTRY if entries == 1 else BATCH).route, at.stack)
    each = measured.duration_s(at.stack, function, at.quantities, entries)
    before, after = reserved(at.stack, function), reserved(at.raised, function)
    if before and after:
        rates = (invocations(at, before, [each]), invocations(at, after, [each]))
        yield Limit("Accepting", "`AcceptingConcurrency`", *rates, "`AcceptingConcurrency`, after the account's concurrency")
    units = measured.cache_units(at.quantities, entries)
    ecpus = (Decimal(stack.parameter("RedisEcpuMax")) for stack in (at.stack, at.raised))
    yield Limit(
        "Accepting", "`RedisEcpuMax`", *(ecpu / units for ecpu in ecpus), "`RedisEcpuMax`, which is what the cache costs", stops=False
    )


def starting(at: Situation) -> Iterator[Limit]:
    """Starting the state machine, and its transitions."""
    kind = at.stack.parameter("WorkflowType")
    name = f"start_{kind.lower()}_rps"
    change = "`WorkflowType=EXPRESS`, or the quotas of Step Functions" if kind == "STANDARD" else "the quota of Step Functions"
    yield Limit("Start", f"StartExecution, {kind}", at.default(name), at.after(name), change)
    if kind == "STANDARD":
        _, definition = workflow.load(at.stack)
        each = len(workflow.happy_path(definition)) + at.quantities.assume("transitions_beside_states")
        yield Limit("States", "state transitions", at.default("transitions_rps") / each, at.after("transitions_rps") / each, change)


def running(at: Situation, entries: int) -> Iterator[Limit]:
    """Concurrency that is shared or reserved behind the door, connections, and DynamoDB."""
    case = ENTRY if entries == 1 else BATCH
    shared = []
    for function in requests.functions_of(case, at.stack):
        each = measured.duration_s(at.stack, function, at.quantities, entries)
        own = reserved(at.stack, function)
        if not own:
            shared.append(each)
        elif at.stack.binary(function) != measured.REGISTER:
            rate = invocations(at, own, [each])
            yield Limit("Posting", "`LedgerConcurrency`", rate, rate, "`LedgerProxyEnabled=true`")
    if shared:
        yield pool_limit(at, "Functions", "the account's concurrency, shared", shared)
    rates = (connections(at, stack) / held_s(at, stack, entries) for stack in (at.stack, at.raised))
    yield Limit("Posting", "connections of the ledger", *rates, "`LedgerProxyEnabled=true`, then `LedgerMaxCapacity`")
    units, hottest = measured.write_units(at.quantities, entries)
    yield Limit(
        "Consolidating", "DynamoDB, the table", at.default("table_writes") / units, at.after("table_writes") / units, "warm throughput"
    )
    writes = at.default("partition_writes")
    yield Limit("Consolidating", "DynamoDB, one merchant's partition", writes / units, writes / hottest, "batches", of_one_merchant=True)


def writing(at: Situation, entries: int) -> Iterator[Limit]:
    """The writer: what was measured, or less of it where the ledger may grow to fewer processors. Nothing is extrapolated beyond."""
    before, after = (writer_rate(at, stack, entries) for stack in (at.stack, at.raised))
    change = "`LedgerMaxCapacity` and a load test on it, then batches; then ADR 27" if entries == 1 else "ADR 27"
    yield Limit("Posting", "the writer, as measured", before, after, change, is_measured=True)
    if entries == 1:
        share = at.writer.share_of_one_row
        yield Limit("Posting", "one day of one merchant", before * share, after * share, "batches", of_one_merchant=True, is_measured=True)


def writer_rate(at: Situation, stack: Stack, entries: int) -> Decimal:
    """The writer's rate with the processors that the ledger may grow to."""
    processors = Decimal(stack.parameter("LedgerMaxCapacity")) / at.quantities.assume("acu_per_vcpu")
    return at.writer.rate(entries) * min(Decimal(1), processors / at.writer.cores)


def reserved(stack: Stack, function: str) -> Decimal:
    """The concurrency that a function has for itself."""
    return Decimal(stack.function(function).get("ReservedConcurrentExecutions", 0))


def pool(stack: Stack, concurrency: Decimal) -> Decimal:
    """What of the account's concurrency is left to functions without a reservation."""
    left = concurrency - sum(reserved(stack, function) for function in stack.resources(FUNCTION))
    if left <= 0:
        raise Problem(f"The functions reserve more than the account's {concurrency} concurrent executions.")
    return left


def pool_limit(at: Situation, stage: str, name: str, durations: list[Decimal]) -> Limit:
    """What functions reach that share what the account has."""
    before, after = pool(at.stack, at.default("concurrency")), pool(at.raised, at.after("concurrency"))
    return Limit(stage, name, invocations(at, before, durations), invocations(at, after, durations), "quota *Concurrent executions*")


def invocations(at: Situation, concurrency: Decimal, durations: list[Decimal]) -> Decimal:
    """Requests a second that each run functions of these durations one after the other, within one concurrency."""
    most = concurrency * at.default("invocations_per_concurrency_rps") / len(durations)
    return min(concurrency / sum(durations, Decimal(0)), most)


def connections(at: Situation, stack: Stack) -> Decimal:
    """The connections that posting may have at once."""
    most = at.quotas["connections_of_acu"].at(Decimal(stack.parameter("LedgerMaxCapacity")))
    if Decimal(stack.parameter("LedgerMinCapacity")) <= Decimal("0.5"):
        most = min(most, at.default("connections_of_small_minimum"))
    for group in stack.required("AWS::RDS::DBProxyTargetGroup").values():
        most = most * group["ConnectionPoolConfigurationInfo"]["MaxConnectionsPercent"] / 100
    return most - Decimal(stack.parameter("LedgerLookupConnections"))


def held_s(at: Situation, stack: Stack, entries: int) -> Decimal:
    """For how long a request holds a connection: RDS Proxy shares them between statements, without it a function has one while it runs."""
    if stack.resources("AWS::RDS::DBProxy"):
        return (at.quantities.assume("wait_ms")["postgresql"] + measured.ledger_cpu_ms(at.quantities, entries)) / 1000
    functions = {stack.binary(function): function for function in requests.functions_of(ENTRY, stack)}
    return measured.duration_s(stack, functions[measured.APPLY], at.quantities, entries)


def scaled(limit: Limit, entries: int) -> Limit:
    """A limit of requests, in entries."""
    values = vars(limit) | {"default": limit.default * entries, "raised": limit.raised * entries}
    return Limit(**values)


def binding(limits: list[Limit], after: bool = False) -> Limit:
    """The lowest one that stops entries of all merchants; of equal ones AWS's, which the stack's own parameter follows."""

    def rank(limit: Limit) -> tuple[Decimal, bool]:
        return limit.raised if after else limit.default, limit.name.startswith("`")

    return min((limit for limit in limits if limit.stops and not limit.of_one_merchant), key=rank)


def steps(limits: list[Limit]) -> list[Limit]:
    """The limits that an operator raises one after the other, and the one that is left after all of that."""
    end = binding(limits, after=True)
    stopping = [limit for limit in limits if limit.stops and not limit.of_one_merchant]
    return [*sorted((limit for limit in stopping if limit.default < end.raised), key=lambda limit: limit.default), end]
