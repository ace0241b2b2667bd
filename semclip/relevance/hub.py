"""ψ folders on the Hugging Face hub: `hub:ORG/NAME`. Only the files of a ψ go there or come from there; no pickles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from semclip.errors import MissingExtra, ModelError, SemclipError, reason
from semclip.relevance import checkpoint
from semclip.relevance.checkpoint import (
    CONFIG,
    IMAGE,
    JOINT,
    README,
    TEXT,
    TOKENIZER,
    WEIGHTS,
    CropsPsi,
    DensePsi,
    JointPsi,
    read_config,
)

FILES = (CONFIG, WEIGHTS, IMAGE, TEXT, JOINT, TOKENIZER, README)


class Hub(Protocol):
    """What is used of huggingface_hub.HfApi."""

    def create_repo(self, repo_id: str, /, *, private: bool, exist_ok: bool) -> Any: ...

    def upload_folder(
        self, *, repo_id: str, folder_path: Path, allow_patterns: list[str], commit_message: str
    ) -> Any: ...

    def snapshot_download(self, repo_id: str, /, *, revision: str | None, allow_patterns: list[str]) -> Any: ...


def from_hub(repo: str, /, *, hub: Hub | None = None) -> DensePsi | CropsPsi | JointPsi:
    """The ψ of the repository ORG/NAME, or of one revision of it: ORG/NAME@REVISION.

    Raises: ModelError where it cannot be fetched or is no whole ψ; MissingExtra without huggingface_hub.
    """
    name, _, revision = repo.partition("@")
    api = hub or _api()
    with _asking(repo, "fetched"):
        folder = api.snapshot_download(name, revision=revision or None, allow_patterns=list(FILES))
    return checkpoint.load(folder, name=f"hub:{repo}")


def push_to_hub(folder: str | Path, repo: str, /, *, private: bool = False, hub: Hub | None = None) -> str:
    """The address of the repository ORG/NAME, which then holds the ψ in `folder`; it is made where there is none.

    Raises: ModelError for a folder that is no whole ψ, and where the hub refuses; MissingExtra without huggingface_hub.
    """
    checkpoint.load(folder)
    files = [*read_config(folder).needed, CONFIG, README]
    api = hub or _api()
    with _asking(repo, "pushed"):
        address = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo, folder_path=Path(folder), allow_patterns=files, commit_message="Add a semclip psi"
        )
    return str(address)


def _api() -> Hub:
    try:
        from huggingface_hub import HfApi
    except ModuleNotFoundError as missing:
        raise MissingExtra("huggingface_hub", extra="torch") from missing
    api: Hub = HfApi()
    return api


@contextmanager
def _asking(repo: str, done: str) -> Iterator[None]:
    try:
        yield
    except SemclipError:
        raise
    # The hub's client, its HTTP library and the file system share no narrower base class.
    except Exception as error:
        raise ModelError(f"hub:{repo} could not be {done} ({reason(error)}); check name, network and token") from error
