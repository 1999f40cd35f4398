"""Security groups: which rules let a connection through, and which let through more than is used."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rights.deployed import Deployed
from rights.policies import as_list

ANYWHERE = "0.0.0.0/0"
GROUP = "AWS::EC2::SecurityGroup"
# A group without a rule of its own lets out everything ("AWS::EC2::SecurityGroup", CloudFormation), so there has to be one.
LEADS_NOWHERE = ("icmp", "255.255.255.255/32")


@dataclass
class Rule:
    """One rule of a group, and what uses it."""

    place: str
    resource: str
    """The resource of the template that makes it."""
    protocol: str
    first: int
    last: int
    peer: str
    """A group, or a range of addresses."""
    used_ports: set[int] = field(default_factory=set)
    could_name: set[str | None] = field(default_factory=set)
    """The groups at the other end of what uses it; `None` where that has none."""

    def lets(self, port: int, peer: str | None) -> bool:
        """Whether it lets a connection through to or from a group; `None` is one that has no group of this stack."""
        return self.protocol in ("tcp", "-1") and self.first <= port <= self.last and self.peer in (ANYWHERE, peer)

    def too_wide(self) -> Iterator[str]:
        """What it lets through and nobody uses."""
        if (self.protocol, self.peer) == LEADS_NOWHERE:
            return
        if not self.used_ports:
            yield f"{self.place} is used by nobody"
            return
        ports = range(self.first, self.last + 1)
        if self.protocol != "tcp" or not set(ports) <= self.used_ports:
            yield f"{self.place} lets through more than the ports {', '.join(map(str, sorted(self.used_ports)))}"
        if self.peer == ANYWHERE and None not in self.could_name:
            yield f"{self.place} is open to {ANYWHERE}, and could name {', '.join(sorted(filter(None, self.could_name)))}"


class Groups:
    """The security groups of a deployed template, by id. A group that was given is not known, and lets everything through."""

    def __init__(self, stack: Deployed) -> None:
        self._out: dict[str, list[Rule]] = {}
        self._in: dict[str, list[Rule]] = {}
        for name, group in stack.of_type(GROUP).items():
            # What EC2 makes of a group that says nothing.
            out = group.get("SecurityGroupEgress") or [{"IpProtocol": "-1", "CidrIp": ANYWHERE}]
            self._out[name] = [rule(f"{name}, egress {index}", name, one) for index, one in enumerate(as_list(out))]
            self._in[name] = [
                rule(f"{name}, ingress {index}", name, one) for index, one in enumerate(group.get("SecurityGroupIngress", []))
            ]
        for name, one in stack.of_type("AWS::EC2::SecurityGroupEgress").items():
            self._out[one["GroupId"]].append(rule(name, name, one))
        for name, one in stack.of_type("AWS::EC2::SecurityGroupIngress").items():
            self._in[one["GroupId"]].append(rule(name, name, one))

    def connect(self, sources: Iterable[str], targets: Iterable[str | None], port: int, what: str) -> Iterator[str | Rule]:
        """The rules that let a connection through, from one of these groups to one of those, or what is missing.

        A target of `None` has no group: the public addresses behind a gateway endpoint, or a store that was given.
        """
        sources, targets = list(sources), list(targets)
        yield from self._pass(self._out, sources, targets, port, f"no group lets {what} out at port {port}")
        yield from self._pass(
            self._in, [one for one in targets if one is not None], sources, port, f"no group lets {what} in at port {port}"
        )

    def _pass(self, rules: dict[str, list[Rule]], mine: list[str], others: list[Any], port: int, missing: str) -> Iterator[str | Rule]:
        if any(group not in rules for group in mine) or not mine:
            return
        found = [(one, other) for group in mine for one in rules[group] for other in others if one.lets(port, other)]
        if not found:
            yield missing
        for one, other in found:
            one.used_ports.add(port)
            one.could_name.add(other)
            yield one

    def too_wide(self) -> Iterator[str]:
        """What no connection used."""
        for rules in (self._out, self._in):
            for of_group in rules.values():
                for one in of_group:
                    yield from one.too_wide()


def rule(place: str, resource: str, properties: dict[str, Any]) -> Rule:
    """One rule of a template."""
    protocol = str(properties["IpProtocol"])
    peers = [properties[name] for name in ("CidrIp", "SourceSecurityGroupId", "DestinationSecurityGroupId") if name in properties]
    (peer,) = peers
    first, last = (int(properties.get(name, default)) for name, default in (("FromPort", 0), ("ToPort", 65535)))
    described = f"{place} ({protocol} {first}-{last}, {peer})"
    return Rule(described, resource, protocol, first, last, peer)
