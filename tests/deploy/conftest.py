"""Nothing of the developer's AWS set-up may have a say in what the tests ask, and no network either."""

import os
import shutil
from pathlib import Path

import pytest
from deploy import as_sam
from rights.deployed import Template
from rights.reach import Reach, reach_of
from rights.rust import workspace
from sam_transform import processed

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with our samconfig.toml, where SAM reads it as in the checkout."""
    shutil.copy(as_sam.SAMCONFIG, tmp_path)
    # Nothing of it is looked at, but SAM wants to have one, and ours takes it seconds to read.
    (tmp_path / "template.yaml").write_text("Resources: {}")
    return tmp_path


@pytest.fixture(scope="session")
def template() -> Template:
    """The real template, as the check of rights and ways takes it."""
    return Template(processed())


@pytest.fixture(scope="session")
def reach() -> dict[str, Reach]:
    """What the real functions call."""
    return reach_of(workspace())
