"""Renders scenes with questions for training: `python -m recipes.embedded.render RUNS/scenes --count 150`.

A JPEG and a JSON a scene; pictures.rendered reads them back. Seeds start at 1,000, apart from those of demo and docs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from recipes.scenes import KINDS, render_scene
from semclip.geometry import Size

FIRST_SEED = 1_000
SIZES = {"street": Size(1440, 960), "document": Size(960, 1280), "shelf": Size(1280, 960)}
FONTS = Path("/usr/share/fonts/truetype")


def main(out: Path, count: int) -> None:
    """Writes `count` scenes, the kinds in turn."""
    out.mkdir(parents=True, exist_ok=True)
    fonts = tuple(sorted(path for path in FONTS.rglob("*.ttf") if "Noto" not in path.name))
    for index in range(count):
        kind = KINDS[index % len(KINDS)]
        chosen = tuple(str(fonts[(index * 7 + step * 13) % len(fonts)]) for step in range(3)) if index % 2 else ()
        scene = render_scene(kind, seed=FIRST_SEED + index, size=SIZES[kind], fonts=chosen)
        asked = [{"question": q.question, "evidence": [box.to_list() for box in q.evidence]} for q in scene.questions]
        scene.image.save(out / f"{index:04d}.jpg", quality=85)
        row = {"width": scene.image.width, "height": scene.image.height, "questions": asked}
        (out / f"{index:04d}.json").write_text(json.dumps(row))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=150)
    arguments = parser.parse_args()
    main(arguments.out, arguments.count)
