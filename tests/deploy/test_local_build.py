"""The functions of the local stack: compiled with what the tests are compiled with, and collected as `sam build` collects them."""

import os
import subprocess
from pathlib import Path

import yaml
from fluxo_local import deployment, toolchain
from fluxo_local.profile import CHECKOUT, Profile
from pytest import MonkeyPatch


def libraries(*arguments: str) -> set[str]:
    """Every crate that cargo compiles, with its features."""
    command = ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p} {f}", *arguments]
    listed = subprocess.run(
        command, cwd=CHECKOUT, env=os.environ | {"PATH": toolchain.search_path()}, capture_output=True, text=True, check=True
    )
    return {line.removesuffix(" (*)").strip() for line in listed.stdout.splitlines()}


def test_local_stack_and_tests_share_the_features_of_every_library() -> None:
    """So no library is compiled twice."""
    command = deployment.compile_command()
    built = libraries(*command[command.index("--package") :], "--edges", "normal,build")
    tested = libraries("--workspace", "--edges", "normal,build,dev")
    assert built - tested == set(), "tests/features/Cargo.toml has to turn on what the tests do"


def test_each_function_is_where_the_template_says(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("fluxo_local.profile.LOCAL", tmp_path)
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "target"))
    profile = Profile("launcher")
    profile.prepare()
    for name in deployment.function_packages():
        program = tmp_path / "target" / "debug" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        source = f'const char name[] = "the program {name}"; int main(void) {{ return name[0] == 0; }}'
        subprocess.run(["cc", "-x", "c", "-o", program, "-"], input=source, text=True, check=True)

    deployment.collect(profile)

    directory = deployment.built(profile)
    template = yaml.safe_load((directory / "template.yaml").read_text())
    places = {
        resource["Metadata"]["BuildProperties"]["Binary"]: resource["Properties"]["CodeUri"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert sorted(places) == deployment.function_packages()
    for name, place in places.items():
        assert f"the program {name}\0".encode() in (directory / place / "bootstrap").read_bytes()
