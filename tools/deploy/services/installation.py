"""Writes what differs from installation to installation as a Kustomization around an overlay (services/deploy/kubernetes)."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from fluxo_local.profile import CHECKOUT, LOCAL

from deploy.problem import Problem

OVERLAYS = CHECKOUT / "services" / "deploy" / "kubernetes" / "overlays"
# What is added to an overlay, and the parameter of eks.yaml that adds it, together with its rights.
COMPONENTS = OVERLAYS.with_name("components")
SWITCHES = {"migrate": "MigrateHere", "maintenance": "MaintainHere"}
# What goes into the Secret and not into the ConfigMap, both of them called "installation".
SECRET = {
    "BALANCE_TOKEN_KEY",
    "EDGE_KEY",
    "LEDGER_LOOKUP_PASSWORD",
    "LEDGER_MAINTENANCE_PASSWORD",
    "LEDGER_OWNER_PASSWORD",
    "LEDGER_OWNER_USER",
    "LEDGER_PASSWORD",
    "REDIS_URL",
}
TARGETS = {"entries-serve": "EntriesTargetsArn", "consolidation-serve": "ConsolidationTargetsArn"}
# How many triggers each of them has.
CONSUMERS = {"entries-record": 1, "consolidation-consume": 1, "worker": 2}


def components(given: Mapping[str, str]) -> list[str]:
    """Those that the parameters of eks.yaml switch on."""
    return [name for name, parameter in SWITCHES.items() if given.get(parameter) == "true"]


def outdated(on: list[str]) -> Iterator[str]:
    """What a cluster may have and has to lose before it is given these components: all of the others, and jobs, which cannot be changed."""
    for name in SWITCHES:
        for file in sorted((COMPONENTS / name).glob("*.yaml")):
            for one in yaml.safe_load_all(file.read_text()):
                if one["kind"] == "Job" or (name not in on and one["kind"] != "Component"):
                    yield f"{one['kind'].lower()}/{one['metadata']['name']}"


def write(
    stage: str,
    settings: Mapping[str, str],
    outputs: Mapping[str, str],
    digest: str,
    folder: Path | None = None,
    on: list[str] | None = None,
) -> Path:
    """The folder for `kubectl apply --kustomize`. Only this user can read it: it has secrets."""
    if not (OVERLAYS / stage).is_dir():
        raise Problem(f"services/deploy/kubernetes/overlays has no stage {stage}.")
    folder = folder or LOCAL / "deploy" / f"services-{stage}"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    public = {name: value for name, value in settings.items() if name not in SECRET}
    secret = {name: value for name, value in settings.items() if name in SECRET}
    for name, values in (("settings.env", public), ("secrets.env", secret)):
        write_for_owner(folder / name, "".join(f"{key}={one_line(key, value)}\n" for key, value in sorted(values.items())))
    # YAML, which JSON is.
    written = kustomization(stage, settings["AWS_REGION"], outputs, digest, folder)
    written["components"] = [os.path.relpath(COMPONENTS / name, folder) for name in on or []]
    write_for_owner(folder / "kustomization.yaml", json.dumps(written, indent=1))
    return folder


def kustomization(stage: str, region: str, outputs: Mapping[str, str], digest: str, folder: Path) -> dict[str, Any]:
    """The overlay of a stage, with this installation's names in it."""

    def patch(kind: str, name: str, **values: str) -> dict[str, Any]:
        operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
        return {"target": {"kind": kind, "name": name}, "patch": json.dumps(operations)}

    regions = {
        name: {f"/spec/triggers/{number}/metadata/awsRegion": region for number in range(count)} for name, count in CONSUMERS.items()
    }
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(OVERLAYS / stage, folder)],
        # Their names carry a digest of what is in them, so that pods start anew with new settings.
        "configMapGenerator": [{"name": "installation", "namespace": "fluxo", "envs": ["settings.env"]}],
        "secretGenerator": [{"name": "installation", "namespace": "fluxo", "envs": ["secrets.env"]}],
        "images": [{"name": "fluxo-services", "newName": outputs["ImagesUri"], "digest": digest}],
        "patches": [
            *(patch("TargetGroupBinding", name, **{"/spec/targetGroupARN": outputs[output]}) for name, output in TARGETS.items()),
            *(patch("ScaledObject", name, **values) for name, values in regions.items()),
        ],
    }


def one_line(name: str, value: str) -> str:
    """A value as the files hold it: they have no way to write a line break."""
    if "\n" in value or not value:
        raise Problem(f"The setting {name} is empty or has a line break, and cannot be written.")
    return value


def write_for_owner(path: Path, text: str) -> None:
    """A file that only this user can read."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
