"""What `kubectl kustomize` makes of our manifests, for machines without it: the part of Kustomize that they use, and no more.

Where `kubectl` is, a test holds both against each other.
"""

import copy
from pathlib import Path
from typing import Any

import yaml
from fluxo_local.problem import Problem
from fluxo_local.profile import CHECKOUT

KUBERNETES = CHECKOUT / "services" / "deploy" / "kubernetes"
UNDERSTOOD = {"apiVersion", "kind", "resources", "components", "patches"}


def render(folder: Path) -> list[dict[str, Any]]:
    """The resources of a folder with a kustomization."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = kustomization.keys() - UNDERSTOOD
    if unknown:
        raise Problem(f"{folder}: teach kustomization.py about {', '.join(sorted(unknown))}.")
    found: list[dict[str, Any]] = []
    for name in [*kustomization.get("resources", []), *kustomization.get("components", [])]:
        path = folder / name
        found += render(path) if path.is_dir() else [one for one in yaml.safe_load_all(path.read_text()) if one]
    for patch in kustomization.get("patches", []):
        aimed = [resource for resource in found if resource["kind"] == patch["target"]["kind"]]
        if not aimed:
            raise Problem(f"{folder}: no resource is a {patch['target']['kind']}.")
        for resource in aimed:
            for operation in yaml.safe_load(patch["patch"]):
                replace(resource, operation)
    return copy.deepcopy(found)


def replace(resource: dict[str, Any], operation: dict[str, Any]) -> None:
    """Carries out one operation of RFC 6902."""
    if operation["op"] != "replace":
        raise Problem(f"Teach kustomization.py the operation {operation['op']}.")
    *parents, last = operation["path"].removeprefix("/").split("/")
    inner: Any = resource
    for name in parents:
        inner = inner[int(name) if isinstance(inner, list) else name]
    if last not in inner:
        raise Problem(f"{resource['metadata']['name']} has no {operation['path']}.")
    inner[last] = operation["value"]
