"""What the documents tell somebody to type: each command of make, each of SAM, and each parameter with its value."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from deploy import as_sam, parameters
from fluxo_local.profile import CHECKOUT
from test_parameters import DOCUMENT, STAGES

DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "docs/adr/*.md", "observability/**/*.md", ".github/**/*.md")
    for path in sorted(CHECKOUT.glob(pattern))
]
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
# `make` with its options, targets and variables, also inside of `$(…)` and quotes. What a document leaves out is written `…`.
MAKE = re.compile(r"(?<![\w.-])make((?: (?:-s|[a-z][a-z0-9-]*|[A-Z]+=[^\s'\"`)\]]+))+)")
SAM = re.compile(r"(?:^|[\s/])sam ((?:build|deploy|delete|sync|validate)\b[^#\n]*)")
NAMES = "|".join(DOCUMENT["Parameters"])
SETTING = re.compile(rf"^(?:{NAMES})=")
SCHEDULE = re.compile(r"^(?:cron|rate)\(.* .*\)$")


@dataclass(frozen=True)
class Code:
    """A text that a document sets as code."""

    document: str
    language: str | None
    """Of a block; None for code inside of a sentence."""
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"


def codes() -> Iterator[Code]:
    """All code of all documents."""
    for path in DOCUMENTS:
        name, text = str(path.relative_to(CHECKOUT)), path.read_text()
        for language, block in FENCED.findall(text):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                yield Code(name, language, line.strip())
        for _, span in SPAN.findall(FENCED.sub("", text)):
            yield Code(name, None, " ".join(span.split()))


CODES = list(codes())
MAKES = sorted({match.strip() for code in CODES for match in MAKE.findall(code.text)})


def settings() -> list[tuple[Code, str]]:
    """Each parameter of the template that is shown with a value, as it would stand in samconfig.toml or behind --parameter-overrides."""
    found = []
    for code in CODES:
        text = code.text
        if code.language in (None, "toml") and text[:1] in ("'", '"'):
            # As TOML writes a text; a list's comma may follow.
            text = tomllib.loads(f"value = {text.rstrip(',')}")["value"]
        if SETTING.match(text):
            found.append((code, text))
    return found


def dry_run(command: str) -> list[str]:
    """The lines that make would run."""
    done = subprocess.run(["make", "-n", *shlex.split(command)], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"make {command}: {done.stderr}"
    return done.stdout.splitlines()


def sam_commands(lines: list[str]) -> Iterator[list[str]]:
    """The commands of SAM in lines of a shell, each as what stands behind `sam`."""
    for line in lines:
        for command in SAM.findall(line):
            yield shlex.split(command.split(";")[0])


@pytest.mark.parametrize("command", MAKES)
def test_a_command_of_make_is_one(command: str) -> None:
    variables = dict(word.split("=", 1) for word in command.split() if "=" in word)
    targets = " ".join(word for word in command.split() if "=" not in word)
    for variable in variables:
        assert dry_run(f"{targets} {variable}=given") != dry_run(targets), f"make {command}: the target does not use {variable}"
    assert variables.get("STAGE", "dev") in STAGES
    dry_run(command)


def test_documents_have_commands_of_make() -> None:
    assert {"deploy STAGE=dev", "deploy STAGE=dev GUIDED=1", "destroy STAGE=dev", "test"} <= set(MAKES)


def test_what_make_and_the_documents_have_sam_do_is_understood(checkout: Path) -> None:
    lines = [line for stage in STAGES for target in ("deploy", "destroy") for line in dry_run(f"{target} STAGE={stage}")]
    lines += dry_run("deploy STAGE=dev GUIDED=1")
    # What deploy.deploy hands to SAM (test_deploying.py).
    lines += [f"sam deploy --config-env {stage}{guided}" for stage in STAGES for guided in ("", " --guided")]
    # In a sentence `sam deploy` is a name, and `sam validate --lint` says how it is called: a command has a value.
    lines += [code.text for code in CODES if code.language or re.search(r"--\S+[ =][^-]", code.text)]
    commands = list(sam_commands(lines))
    assert len(commands) >= 6
    for understood in as_sam.understood(*commands, directory=checkout):
        assert understood.dropped == []
        given: Mapping[str, str] = understood.options.get("parameter_overrides") or {}
        assert list(parameters.faults_of(DOCUMENT, given)) == []


def test_what_is_checked_before_building_and_before_deploying() -> None:
    """The stage before it is built, the programs before they are deployed."""
    before = ["deploy.parameters 'dev'", "deploy.preflight --stage 'dev'", "sam build --config-env 'dev'", "deploy.binaries 'dev'"]
    last = "deploy.deploy --stage 'dev'"
    for command, wanted in (("deploy STAGE=dev", [*before, last]), ("deploy STAGE=dev GUIDED=1", [*before, last, "--guided"])):
        text = "\n".join(dry_run(command))
        places = [text.index(step) for step in wanted]
        assert places == sorted(places), command


def test_a_parameter_with_its_value_is_read_as_it_is_shown(checkout: Path) -> None:
    shown = settings()
    assert len({text.split("=")[0] for _, text in shown}) >= 5
    commands = [["deploy", "--stack-name", "shown", "--parameter-overrides", text] for _, text in shown]
    for (code, text), understood in zip(shown, as_sam.understood(*commands, directory=checkout), strict=True):
        assert understood.dropped == [], f"{code}: SAM drops this"
        name = text.split("=")[0]
        assert list(understood.parameters) == [name], code
        # A value that is a placeholder stands for one that fits.
        if not re.fullmatch(r"…|[A-Z][A-Z_]+", understood.parameters[name]):
            assert list(parameters.faults_of(DOCUMENT, understood.parameters)) == [], code


def test_a_schedule_is_shown_with_its_name_and_the_quotes_that_it_needs() -> None:
    # The computed document quotes the template's default, for nobody to type.
    bare = [str(code) for code in CODES if SCHEDULE.match(code.text) and code.document != "docs/cost.md"]
    assert bare == [], "a value with a space: show it as 'Name=\"…\"', as SAM needs it"
