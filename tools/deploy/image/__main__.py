"""`make image`: builds the second door's programs and writes them as an image of OCI, without Docker.

For this machine's processor and C library. services/Containerfile makes the same image in a builder of its own.
"""

import os
import sys
from pathlib import Path

from fluxo_local import terminal, toolchain
from fluxo_local.locks import one_at_a_time
from fluxo_local.problem import Problem as LauncherProblem
from fluxo_local.processes import run_tool
from fluxo_local.profile import CHECKOUT, LOCAL

from deploy.image import oci, rootfs
from deploy.problem import Problem

ROOT, LAYOUT, NAME = LOCAL / "image" / "root", LOCAL / "image" / "oci", "fluxo-services"
# Of Cargo.toml: a panic ends one request, not all that are in work.
PROFILE = "service"


def main() -> int:
    """The exit status."""
    try:
        image = build()
    except (Problem, LauncherProblem) as problem:
        print(f"fluxo: {problem}", file=sys.stderr)
        return 1
    print(f"oci:{LAYOUT.relative_to(CHECKOUT)}:{NAME}: {len(image.layer.content) / 1024 / 1024:.1f} MiB, {image.manifest.digest}")
    return 0


def build() -> oci.Image:
    """Compiles, assembles and writes."""
    packages = [word for name in rootfs.PROGRAMS for word in ("--package", name)]
    environment = os.environ | {"PATH": toolchain.search_path()}
    with one_at_a_time("build"), terminal.step("Building the programs of the second door") as step:
        command = ["cargo", "build", "--profile", PROFILE, "--locked", *packages]
        run_tool(command, what="cargo build", log=LOCAL / "image.log", directory=CHECKOUT, environment=environment, step=step)
    return assemble(CHECKOUT / "target" / PROFILE)


def assemble(programs: Path) -> oci.Image:
    """The image of programs that are built."""
    try:
        rootfs.assemble([programs / name for name in rootfs.PROGRAMS], ROOT)
    except rootfs.Missing as missing:
        raise Problem(str(missing)) from None
    image = oci.image_of(ROOT)
    oci.write_layout(image, LAYOUT, NAME)
    return image


if __name__ == "__main__":
    sys.exit(main())
