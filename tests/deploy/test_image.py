"""The image of the second door: what is in it runs with what is in it, and it is what registries and builders expect."""

import hashlib
import json
import platform
import re
import shutil
import subprocess
import tarfile
import tomllib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from deploy.image import __main__ as image
from deploy.image import oci, rootfs
from deploy.image.ecr import PART_BYTES, push
from fluxo_local.profile import CHECKOUT
from fluxo_local.python_tools import CHECKS

CONTAINERFILE = CHECKOUT / "services" / "Containerfile"
# In the place of ours: it loads OpenSSL, as they do, and everybody who compiles them has it.
PROGRAM = shutil.which("openssl")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of an image with one program."""
    if PROGRAM is None:
        pytest.skip("openssl is not here.")
    rootfs.assemble([Path(PROGRAM)], tmp_path / "root")
    return tmp_path / "root"


def test_a_program_runs_with_the_libraries_of_the_image_alone(root: Path) -> None:
    (loader,) = root.glob("lib*/ld-linux-*.so.*")
    folders = ":".join(sorted({str(path.parent) for path in root.rglob("*.so*")}))
    command = [loader, "--inhibit-cache", "--library-path", folders, root / "usr" / "bin" / "openssl", "version"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={"LD_DEBUG": "libs"})
    assert ran.stdout.startswith("OpenSSL ")
    used = re.findall(r"calling init: (\S+)", ran.stderr)
    assert used and all(Path(library).is_relative_to(root) for library in used)


@pytest.mark.skipif(not shutil.which("buildah"), reason="buildah is not here; the other tests read the layout themselves")
def test_a_builder_reads_the_image(root: Path, tmp_path: Path) -> None:
    oci.write_layout(oci.image_of(root), tmp_path / "oci", "fluxo-services")
    store = ["buildah", "--storage-driver", "vfs", "--root", tmp_path / "store", "--runroot", tmp_path / "run"]

    def buildah(*words: str) -> str:
        return subprocess.run([*store, *words], capture_output=True, text=True, check=True).stdout

    buildah("pull", f"oci:{tmp_path}/oci:fluxo-services")
    (image,) = json.loads(buildah("images", "--json"))
    inspected = json.loads(buildah("inspect", "--type", "image", image["id"]))
    assert inspected["OCIv1"]["config"]["User"] == "65532:65532"


def test_the_same_files_are_the_same_image(root: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(root, again)
    assert oci.image_of(again) == oci.image_of(root)


def test_no_file_belongs_to_the_user_or_can_be_written_by_it(root: Path) -> None:
    with tarfile.open(fileobj=BytesIO(oci.archive(root))) as tar:
        assert all((entry.uid, entry.gid) == (0, 0) and not entry.mode & 0o022 for entry in tar)
        names = {entry.name for entry in tar}
    assert {"usr/bin/openssl", "etc/ssl/certs/ca-certificates.crt", "usr/lib/ssl/cert.pem", "etc/passwd"} <= names
    assert not {name for name in names if name.startswith(("bin/", "usr/bin/sh", "usr/sbin/"))}


def test_each_part_is_named_by_what_it_holds(root: Path, tmp_path: Path) -> None:
    image = oci.image_of(root)
    oci.write_layout(image, tmp_path, "fluxo-services")
    (described,) = json.loads((tmp_path / "index.json").read_text())["manifests"]
    blobs = tmp_path / "blobs" / "sha256"

    def read(one: dict[str, Any]) -> bytes:
        content = (blobs / one["digest"].removeprefix("sha256:")).read_bytes()
        assert (f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)) == (one["digest"], one["size"])
        return content

    manifest = json.loads(read(described))
    (layer,) = manifest["layers"]
    config = json.loads(read(manifest["config"]))
    assert read(layer) == image.layer.content
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(oci.archive(root)).hexdigest()}"]
    assert config["architecture"] == {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def test_a_program_that_is_not_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(rootfs.Missing, match="build it first, cargo build --profile service --package entries"):
        rootfs.assemble([tmp_path / "entries"], tmp_path / "root")


def test_a_library_where_the_image_does_not_look_is_named(tmp_path: Path) -> None:
    source, library, program = tmp_path / "own.c", tmp_path / "libown.so", tmp_path / "program"
    source.write_text("int own(void) { return 0; }")
    subprocess.run(["cc", "-shared", "-o", library, source], check=True)
    source.write_text("int own(void); int main(void) { return own(); }")
    subprocess.run(["cc", "-o", program, source, library, f"-Wl,-rpath,{tmp_path}"], check=True)
    with pytest.raises(rootfs.Missing, match=r"libown\.so, where the image's loader would not look"):
        rootfs.assemble([program], tmp_path / "root")


def test_a_panic_ends_one_request_and_not_the_process() -> None:
    profiles = tomllib.loads((CHECKOUT / "Cargo.toml").read_text())["profile"]
    assert profiles[image.PROFILE]["panic"] == "unwind"
    built, packed = re.findall(r"cargo build --profile (\S+) |--programs target/(\S+) ", CONTAINERFILE.read_text())
    assert (built[0], packed[1]) == (image.PROFILE, image.PROFILE)


class Registry:
    """ECR, as far as a push asks it, and it checks what it is given as ECR does."""

    def __init__(self) -> None:
        self.layers: dict[str, bytes] = {}
        self.images: dict[str, str] = {}
        self.uploads: dict[str, bytes] = {}

    def batch_check_layer_availability(self, repositoryName: str, layerDigests: list[str]) -> dict[str, Any]:
        """Which layers are there."""
        state = {True: "AVAILABLE", False: "UNAVAILABLE"}
        return {"layers": [{"layerDigest": one, "layerAvailability": state[one in self.layers]} for one in layerDigests]}

    def initiate_layer_upload(self, repositoryName: str) -> dict[str, Any]:
        """Begins an upload."""
        self.uploads[name := f"upload-{len(self.uploads)}"] = b""
        return {"uploadId": name}

    def upload_layer_part(self, uploadId: str, partFirstByte: int, partLastByte: int, layerPartBlob: bytes, **_: str) -> None:
        """Goes on with it, without a gap."""
        assert partFirstByte == len(self.uploads[uploadId]) and partLastByte + 1 - partFirstByte == len(layerPartBlob) <= 20 * 1024 * 1024
        self.uploads[uploadId] += layerPartBlob

    def complete_layer_upload(self, uploadId: str, layerDigests: list[str], **_: str) -> None:
        """Ends it."""
        content = self.uploads[uploadId]
        assert layerDigests == [f"sha256:{hashlib.sha256(content).hexdigest()}"]
        self.layers[layerDigests[0]] = content

    def batch_get_image(self, repositoryName: str, imageIds: list[dict[str, str]]) -> dict[str, Any]:
        """Which images are there."""
        return {"images": [one for one in imageIds if one["imageDigest"] in self.images]}

    def put_image(self, imageManifest: str, imageTag: str, **_: str) -> None:
        """Takes an image whose layers are there."""
        manifest = json.loads(imageManifest)
        assert {one["digest"] for one in [manifest["config"], *manifest["layers"]]} <= self.layers.keys()
        assert imageTag not in self.images.values()
        self.images[f"sha256:{hashlib.sha256(imageManifest.encode()).hexdigest()}"] = imageTag


@pytest.fixture
def large() -> oci.Image:
    """An image whose layer goes up in pieces."""
    layer, config = oci.Blob(oci.LAYER, bytes(2 * PART_BYTES + 7)), oci.Blob(oci.CONFIG, b"{}")
    manifest = oci.compact({"schemaVersion": 2, "config": config.described(), "layers": [layer.described()]})
    return oci.Image(layer, config, oci.Blob(oci.MANIFEST, manifest))


def test_a_push_uploads_what_is_missing_once(large: oci.Image) -> None:
    registry = Registry()
    assert push(registry, "images", large) == large.manifest.digest
    assert registry.images.keys() == {large.manifest.digest}
    assert push(registry, "images", large) == large.manifest.digest
    assert len(registry.uploads) == 2, "Nothing is uploaded twice."


def test_the_containerfile_is_sound_and_builds_what_make_image_builds() -> None:
    subprocess.run([CHECKS.program("hadolint"), CONTAINERFILE], check=True)
    text = CONTAINERFILE.read_text()
    assert tuple(re.findall(r"--package (\S+)", text)) == rootfs.PROGRAMS
    assert f"ARG RUST={tomllib.loads((CHECKOUT / 'rust-toolchain.toml').read_text())['toolchain']['channel']}\n" in text
    assert f"USER {rootfs.USER}:{rootfs.USER}" in text and "\nFROM scratch\n" in text
