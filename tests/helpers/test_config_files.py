"""A file is parsed once, unless it changes, and nobody sees what others do with what it holds."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tests.helpers.config_files import parsed_once


def test_a_file_is_parsed_again_only_if_it_has_changed(tmp_path: Path) -> None:
    count = 0

    def parse(file: Any) -> Any:
        nonlocal count
        count += 1
        return OmegaConf.load(file)

    load, path = parsed_once(parse), tmp_path / "some.yaml"
    path.write_text("key: 1")
    load(path).key = 2
    assert load(path).key == 1
    with path.open() as file:
        assert load(file).key == 1
    assert count == 1
    path.write_text("key: 333")
    assert load(path).key == 333
    assert count == 2
