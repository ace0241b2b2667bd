"""The docs: their Python runs, their help texts are today's, their links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.adapters.loopback import serving
from tests.help_texts import DOCS, ROOT, renewed
from tests.stand_ins import answered, with_stand_ins

PAGES = [*DOCS, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", DOCS, ids=name)
def test_the_python_of_a_page_runs(
    page: Path, tmp_path: Path, vlm_folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.arange(64 * 48 * 3, dtype=np.uint8).reshape(48, 64, 3)).save("photo.jpg")
    scope: dict[str, object] = {"__name__": "page"}
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    with serving(answered) as server:
        for block in blocks:
            code = with_stand_ins(block, server.base_url, vlm_folder)
            exec(compile(code, str(page), "exec", dont_inherit=True), scope)


@pytest.mark.parametrize("page", DOCS, ids=name)
def test_help_texts_are_what_the_commands_print(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert renewed(text) == text, "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_within_the_repository_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_tree_names_what_there_is() -> None:
    tree = (ROOT / "README.md").read_text(encoding="utf-8")
    inside = [path for path in (ROOT / "semclip").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    listed = {path.name for path in inside if path.name != "__main__.py"}
    assert {name for name in listed if f"\n  {name.removesuffix('/')}" not in tree} == set()
