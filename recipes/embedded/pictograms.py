"""Fetches pictograms in many art styles: `python -m recipes.embedded.pictograms RUNS/pictograms --labels LABELS`.

Icon sets come from npm, are rasterised with resvg (`pip install resvg-py`) and lie as one STYLE.npz each: `pixels`
(N, 96, 96, 4) uint8 and `names` (N,), with licences and versions in styles.json. icons.py reads them back.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from recipes.embedded.icon_names import class_names, emoji_keys, reference, thing_keys
from recipes.embedded.seen import COCO
from semclip.types import Pixels

SIDE = 96
PERMISSIVE = frozenset(("MIT", "Apache-2.0", "ISC", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "OFL-1.1"))


@dataclass(frozen=True, slots=True)
class Style:
    """A package @iconify-json/`name`; what its keys are, and whether its pictograms are shapes of no colour."""

    name: str
    version: str
    keys: Literal["emoji", "things", "noun last"] = "emoji"
    monochrome: bool = False


STYLES = (
    Style("noto", "1.2.9"),
    Style("noto-v1", "1.2.5"),
    Style("twemoji", "1.2.5"),
    Style("fluent-emoji", "1.2.7"),
    Style("fluent-emoji-flat", "1.2.6"),
    Style("emojione", "1.2.3"),
    Style("fxemoji", "1.2.2"),
    Style("streamline-emojis", "1.2.4"),
    Style("fluent-emoji-high-contrast", "1.2.6", "emoji", monochrome=True),
    Style("game-icons", "1.2.4", "noun last", monochrome=True),
    Style("mdi", "1.2.3", "things", monochrome=True),
    Style("ph", "1.2.2", "things", monochrome=True),
    Style("tabler", "1.2.41", "things", monochrome=True),
    Style("lucide", "1.2.137", "things", monochrome=True),
    Style("fa6-solid", "1.2.4", "things", monochrome=True),
)
REFERENCE = STYLES[0]
"""Whose names all emoji sets take."""
HELD_OUT = "twemoji"
"""Never trained on: styles.py measures on it."""
MONOCHROME = frozenset(style.name for style in STYLES if style.monochrome)


def fetch(style: Style, folder: Path) -> dict[str, Any]:
    """The package's JSON files by name (icons, info, metadata, chars), kept as a tarball in `folder`.

    Raises: SystemExit when its licence is not permissive.
    """
    tarball = folder / f"iconify-json-{style.name}-{style.version}.tgz"
    if not tarball.exists():
        wanted = f"@iconify-json/{style.name}@{style.version}"
        subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(tarball) as archive:
        members = [name for name in archive.getnames() if name.endswith(".json")]
        files = {Path(name).stem: _read(archive, name) for name in members}
    if files["info"]["license"]["spdx"] not in PERMISSIVE:
        raise SystemExit(f"{style.name} needs a permissive licence, got {files['info']['license']['title']}")
    return files


def _read(archive: tarfile.TarFile, name: str) -> Any:
    opened = archive.extractfile(name)
    return json.load(opened) if opened else {}


def svg(icons: Mapping[str, Any], key: str) -> str:
    """The icon as a document; its colour, where it has none, is black."""
    icon = icons["icons"][key]
    left, top, width, height = (
        icon.get(side, icons.get(side, default))
        for side, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
    )
    head = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {head} viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'


def rasterised(document: str) -> Image.Image:
    """The drawing in RGBA, 256 px wide."""
    import resvg_py  # of this script only

    data: bytes = resvg_py.svg_to_bytes(svg_string=document, width=256, skip_system_fonts=True)
    return Image.open(io.BytesIO(data))


def tile(drawing: Image.Image) -> Pixels | None:
    """(96, 96, 4) the visible part of the drawing, as large as fits and in the middle; None where nothing is seen."""
    box = drawing.getchannel("A").point([0] * 16 + [255] * 240).getbbox()
    if box is None:
        return None
    glyph = drawing.crop(box)
    scale = SIDE / max(glyph.size)
    glyph = glyph.resize((max(1, round(glyph.width * scale)), max(1, round(glyph.height * scale))))
    square = Image.new("RGBA", (SIDE, SIDE))
    square.paste(glyph, ((SIDE - glyph.width) // 2, (SIDE - glyph.height) // 2))
    return np.asarray(square)


def keys_by_name(
    style: Style, icons: Mapping[str, Any], names: Mapping[str, str], things: frozenset[str]
) -> dict[str, str]:
    """The keys of what is kept of a set, sorted by name; what the set hides, its older drawings, is left out."""
    shown = [key for key, icon in icons["icons"].items() if not icon.get("hidden")]
    if style.keys == "emoji":
        found = emoji_keys(shown, names)
    else:
        found = thing_keys(shown, things, noun_last=style.keys == "noun last")
    return dict(sorted(found.items()))


def emoji_names(files: Mapping[str, Any]) -> dict[str, str]:
    """icon_names.reference of a fetched emoji set."""
    aliases = {alias: found["parent"] for alias, found in files["icons"].get("aliases", {}).items()}
    return reference(files["metadata"]["categories"], aliases, files["chars"])


def main(out: Path, labels: Path | None) -> None:
    """Writes every style and styles.json."""
    packages = out / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    names = emoji_names(fetch(REFERENCE, packages))
    classes = class_names(labels.read_text().splitlines()) if labels else set()
    things = frozenset({*names.values(), *COCO, *classes} - {""})
    rows = {}
    for style in STYLES:
        files = fetch(style, packages)
        kept = keys_by_name(style, files["icons"], names, things)
        drawn = {name: tile(rasterised(svg(files["icons"], key))) for name, key in kept.items()}
        seen = {name: pixels for name, pixels in drawn.items() if pixels is not None}
        np.savez_compressed(out / f"{style.name}.npz", pixels=np.stack(list(seen.values())), names=list(seen))
        info = files["info"]
        rows[style.name] = {
            "title": info["name"],
            "author": info["author"]["name"],
            "package": f"@iconify-json/{style.name}",
            "version": style.version,
            "licence": info["license"]["spdx"],
            "licence_url": info["license"].get("url", ""),
            "pictograms": len(seen),
            "held_out": style.name == HELD_OUT,
        }
        sys.stderr.write(f"{style.name}: {len(seen)}, {len(kept) - len(seen)} empty\n")
    (out / "styles.json").write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--labels", type=Path, help="a classifier's class names, a line each: more names of things")
    arguments = parser.parse_args()
    main(arguments.out, arguments.labels)
