"""What the tests of the site share."""

import pytest
from toy_site import write_repository


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("repository")
    write_repository(root)
    return root
