"""ψ folders to a hub and back: only the files of a ψ travel."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from semclip.errors import ModelError
from semclip.relevance.checkpoint import WEIGHTS, load
from semclip.relevance.hub import from_hub, push_to_hub
from semclip.relevance.table import load_relevance
from tests.relevance.checkpoint.folders import save_tiny


@dataclass
class FolderHub:
    """A hub whose repositories are folders."""

    root: Path
    private: dict[str, bool] = field(default_factory=dict)

    def create_repo(self, repo_id: str, /, *, private: bool, exist_ok: bool) -> str:
        if "/" not in repo_id:
            raise ValueError("a repository is called ORG/NAME")
        (self.root / repo_id).mkdir(parents=True, exist_ok=exist_ok)
        self.private.setdefault(repo_id, private)
        return f"https://hub.example/{repo_id}"

    def upload_folder(self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], commit_message: str) -> None:
        _copy(folder_path, self.root / repo_id, allow_patterns)

    def snapshot_download(self, repo_id: str, /, *, revision: str | None, allow_patterns: list[str]) -> str:
        if not (self.root / repo_id).is_dir():
            raise FileNotFoundError(f"404: {repo_id}")
        folder = self.root / "cache" / (revision or "main")
        folder.mkdir(parents=True)
        _copy(self.root / repo_id, folder, allow_patterns)
        return str(folder)


def _copy(source: Path, target: Path, patterns: list[str]) -> None:
    for path in source.iterdir():
        if any(fnmatch(path.name, pattern) for pattern in patterns):
            shutil.copy(path, target / path.name)


@pytest.fixture
def hub(tmp_path: Path) -> FolderHub:
    return FolderHub(tmp_path / "hub")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = save_tiny(tmp_path / "tiny")
    (folder / "README.md").write_text("a card")
    return folder


def test_a_pushed_psi_comes_back(folder: Path, hub: FolderHub) -> None:
    assert push_to_hub(folder, "we/tiny", hub=hub) == "https://hub.example/we/tiny"
    psi = from_hub("we/tiny@v1", hub=hub)
    assert (psi.name, psi.fingerprint) == ("hub:we/tiny@v1", load(folder).fingerprint)
    assert (hub.root / "cache" / "v1" / "README.md").read_text() == "a card"
    assert hub.private == {"we/tiny": False}


def test_a_new_repository_is_private_where_that_is_asked_for(folder: Path, hub: FolderHub) -> None:
    push_to_hub(folder, "we/tiny", private=True, hub=hub)
    assert hub.private == {"we/tiny": True}


def test_only_the_files_of_a_psi_travel(folder: Path, hub: FolderHub) -> None:
    for name in ("state.safetensors", "weights.pkl", "key.txt"):
        (folder / name).write_bytes(b"x")
    push_to_hub(folder, "we/tiny", hub=hub)
    (hub.root / "we" / "tiny" / "pytorch_model.bin").write_bytes(b"x")
    fetched = from_hub("we/tiny", hub=hub).runtime.folder
    assert {path.suffix for path in fetched.iterdir()} == {".json", ".md", ".onnx", ".safetensors"}
    assert not (fetched / "state.safetensors").exists()


def test_a_damaged_folder_is_not_pushed(folder: Path, hub: FolderHub) -> None:
    (folder / WEIGHTS).write_bytes(b"")
    with pytest.raises(ModelError, match=WEIGHTS):
        push_to_hub(folder, "we/tiny", hub=hub)
    assert not hub.root.exists()


def test_what_the_hub_refuses_is_one_error(folder: Path, hub: FolderHub) -> None:
    with pytest.raises(ModelError, match=r"hub:tiny could not be pushed \(ValueError: a repository"):
        push_to_hub(folder, "tiny", hub=hub)
    with pytest.raises(ModelError, match=r"hub:we/none could not be fetched \(FileNotFoundError: 404"):
        from_hub("we/none", hub=hub)


def test_without_a_network_the_error_names_the_repository() -> None:
    """The real client, which the tests run offline."""
    with pytest.raises(ModelError, match="hub:semclip-tests/none could not be fetched"):
        load_relevance("hub:semclip-tests/none")


def test_the_real_client_takes_what_it_is_given() -> None:
    from inspect import signature

    from huggingface_hub import HfApi

    given: dict[str, dict[str, Any]] = {
        "create_repo": {"private": True, "exist_ok": True},
        "upload_folder": {"repo_id": "a/b", "folder_path": Path(), "allow_patterns": [], "commit_message": ""},
        "snapshot_download": {"revision": None, "allow_patterns": []},
    }
    for method, options in given.items():
        first = [] if "repo_id" in options else ["a/b"]
        signature(getattr(HfApi, method)).bind(None, *first, **options)
