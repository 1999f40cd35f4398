"""What is left when a resource fails: at creation, at an update, at deletion.

CloudFormation works on all resources at once that do not need each other, so how far it has come when one fails is open. Here it has
come as far as it can: everything is done that does not need the one that fails. Whatever may go wrong afterwards then does.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from rollback import rules
from rollback.graph import Graph, Resource, references, spelled

NOTHING: frozenset[str] = frozenset()


def create(graph: Graph, failing: str) -> set[str]:
    """What is left of a stack whose creation fails at this resource.

    "In the event of an operational failure, CloudFormation stops at the first failure in each independent provisioning path" (Choose
    how to handle failures), then deletes "any resources that were created during the create stack action" (Stack status codes,
    ROLLBACK_COMPLETE), in the reverse order. The one that failed may exist, too, and is deleted with them.
    """
    made = set(graph) - graph.dependents(failing)
    # The function behind a custom resource that failed may fail again: it is asked in the same way to undo what it did not do.
    broken = {failing} if is_custom(graph[failing]) else NOTHING
    removal = remove(graph, made, undoes_creation=True, failing=broken)
    return removal.kept | removal.refusals() | collisions(graph, made - removal.gone)


def delete(graph: Graph, failing: Collection[str] = NOTHING) -> set[str]:
    """What is left, and what is lost, of a stack that is deleted, where these resources fail to be at the first try only.

    What refuses keeps nothing else from being deleted, not even what it needs itself: "the CloudFormation stack goes ahead and
    continues to delete the rest of the resources" (aws-cloudformation/cloudformation-coverage-roadmap, issue 1508; of what it needs,
    issue 852).
    """
    first = remove(graph, set(graph), failing=failing)
    second = remove(graph, set(graph) - first.gone, gone=first.gone)
    gone = first.gone | second.gone
    torn = {f"all that can be deleted is, before {name} refuses" for name in first.refused if is_protected(graph[name])}
    losses = {f"lost: {what}" for name in gone if graph[name].deletion_policy == "Delete" and (what := rules.held(name, graph[name].kind))}
    return first.kept | second.kept | second.refusals() | torn | losses | collisions(graph, set(graph) - gone)


@dataclass
class Removal:
    """What a deletion of resources came to."""

    gone: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    """What is still there though it was to go, and why."""
    kept: set[str] = field(default_factory=set)
    """Said of what stays because the template, or a service, wants it."""

    def refusals(self) -> set[str]:
        """Said of what refused."""
        return {f"{name} cannot be deleted: {why}" for name, why in self.refused.items()}


def remove(
    graph: Graph,
    names: Collection[str],
    undoes_creation: bool = False,
    failing: Collection[str] = NOTHING,
    gone: Collection[str] = NOTHING,
) -> Removal:
    """Deletes these resources, what needs others before those."""
    removal = Removal()
    present: set[str] = set()
    for name in reversed(graph.order):
        if name not in names:
            continue
        resource = graph[name]
        if is_kept(resource, undoes_creation):
            present.add(name)
            removal.kept |= set() if is_custom(resource) else {f"{name} stays"}
            continue
        why = refusal(graph, resource, present, failing, gone)
        if why is None and resource.kind in rules.FILLED and not undoes_creation:
            why = "it has files"
        if why:
            present.add(name)
            removal.refused[name] = why
            continue
        removal.gone.add(name)
        removal.kept |= {f"a snapshot of {name} stays"} if resource.deletion_policy == "Snapshot" else set()
        removal.kept |= logs_of_others(graph, resource)
    return removal


def refusal(graph: Graph, resource: Resource, present: Collection[str], failing: Collection[str], gone: Collection[str]) -> str | None:
    """Why a resource is not deleted, if it is not."""
    if is_protected(resource):
        return "deletion protection"
    if is_custom(resource) and graph.dependencies(resource.name) & set(gone):
        return "what its function needs is gone"
    if resource.name in failing:
        return "it failed"
    holding = rules.HELD_BY.get(resource.kind, set())
    holders = sorted(name for name in present if graph[name].kind in holding and resource.name in graph[name].needs)
    return f"{listed(holders)} is still there" if holders else None


class Update:
    """From one deployment of a stack to another."""

    def __init__(self, old: Graph, new: Graph) -> None:
        self._old = old
        self._new = new
        self._made = {name for name in new if name not in old}
        self._changed: dict[str, set[str]] = {}
        self._replaced: set[str] = set()
        self._impossible: set[str] = set()
        for name in new:
            if name in old:
                self._compare(name)

    def _compare(self, name: str) -> None:
        """What changes of a resource. What refers to one that is replaced changes with it."""
        before, after = self._old[name], self._new[name]
        keys = before.properties.keys() | after.properties.keys()
        changed = {
            key
            for key in keys
            if before.properties.get(key) != after.properties.get(key) or references(after.properties.get(key)) & self._replaced
        }
        if not changed:
            return
        self._changed[name] = changed
        decisive = changed & after.schema.create_only
        if decisive and after.given_name() is not None and after.given_name() == before.given_name():
            # "You can't perform an update that causes a custom-named resource to be replaced" (Resource custom naming).
            self._impossible.add(f"the update fails at {name}: {listed(sorted(decisive))} cannot be changed while its name stays")
        elif decisive:
            self._replaced.add(name)

    def touched(self) -> set[str]:
        """The resources at which it may fail."""
        return self._made | self._changed.keys()

    def replaced(self) -> set[str]:
        """The resources that others take the place of."""
        return set(self._replaced)

    def succeeds(self) -> set[str]:
        """What is lost or left by the update itself.

        "CloudFormation makes three attempts at deleting the old resource. If CloudFormation can't delete the old resource, it removes
        the old resource from the stack" (Monitor the progress of a stack update).
        """
        if self._impossible:
            return self._impossible
        removal = remove(self._old, {name for name in self._old if name not in self._new})
        gone = {f"{name} goes: {what}" for name in removal.gone if (what := rules.held(name, self._old[name].kind))}
        return removal.kept | removal.refusals() | gone | self._replacements()

    def fails(self, failing: str) -> set[str]:
        """What the rollback leaves otherwise than it was, when the update fails at this resource.

        It updates back what was updated, and then "is still deleting any new resources it created during the stack update" (Stack
        status codes, UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS).
        """
        done = self.touched() - self._new.dependents(failing)
        changed = {name: keys for name, keys in self._changed.items() if name in done}
        again = {f"{name} is called again, with what it was given before" for name in changed if is_custom(self._new[name])}
        one_way = {
            f"{name} keeps its new {key} when the update is rolled back"
            for name, keys in changed.items()
            for key in keys
            if name != failing and (self._new[name].kind, key) in rules.ONE_WAY
        }
        removal = remove(self._new, done & self._made, undoes_creation=True)
        return again | one_way | removal.kept | removal.refusals()

    def _replacements(self) -> set[str]:
        """Said of what would be replaced, and of what might be, if it holds something."""
        said = set()
        for name, keys in self._changed.items():
            resource = self._new[name]
            if resource.kind not in rules.HOLDS:
                continue
            if name in self._replaced:
                decisive = listed(sorted(keys & resource.schema.create_only))
                said.add(f"{name} is replaced ({decisive}): {rules.HOLDS[resource.kind]}, {fate(resource.replace_policy)}")
            elif keys & resource.schema.may_replace:
                said.add(f"{name} may be replaced ({listed(sorted(keys & resource.schema.may_replace))})")
        return said


def is_protected(resource: Resource) -> bool:
    """Whether its service refuses to delete it."""
    key, value = rules.PROTECTION.get(resource.kind, ("", None))
    return value is not None and resource.properties.get(key) == value


def is_kept(resource: Resource, undoes_creation: bool) -> bool:
    """Whether CloudFormation leaves it where it is.

    "RetainExceptOnCreate behaves like Retain for stack operations, except for the stack operation that initially created the
    resource. If the stack operation that created the resource is rolled back, CloudFormation deletes the resource" (DeletionPolicy
    attribute).
    """
    return resource.deletion_policy == "Retain" or (resource.deletion_policy == "RetainExceptOnCreate" and not undoes_creation)


def is_custom(resource: Resource) -> bool:
    """Whether a function of the stack stands for it."""
    return resource.kind.startswith(rules.CUSTOM)


def collisions(graph: Graph, left: Collection[str]) -> set[str]:
    """What is in the way of the next stack of this name: "Resource names must be unique" (Resource custom naming)."""
    return {f"{name} is in the way of the next stack of this name" for name in left if graph[name].name_of_any_creation()}


def logs_of_others(graph: Graph, resource: Resource) -> set[str]:
    """A log that a service made for a resource, unless the template has made it."""
    if resource.kind not in rules.LOG_MADE_BY_RDS:
        return set()
    key, prefix = rules.LOG_MADE_BY_RDS[resource.kind]
    wanted = prefix + spelled(resource.properties[key])
    own = any(spelled(graph[name].properties.get("LogGroupName")) == wanted for name in graph if graph[name].kind == "AWS::Logs::LogGroup")
    return set() if own else {f"the log that RDS made for {resource.name} stays"}


def fate(policy: str) -> str:
    """What becomes of the old resource when another one takes its place."""
    return {"Retain": "which stays outside of the stack", "Snapshot": "which stays as a snapshot"}.get(policy, "which is lost")


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return ", ".join(names)
