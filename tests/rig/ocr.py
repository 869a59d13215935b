"""Text recognition on a panel's picture, by tesseract."""

import re
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageOps

from tests.rig.programs import need


def words_on(picture: Image.Image) -> set[str]:
    """Return the words that tesseract reads on a one-bit picture, in lower case."""
    need("tesseract")
    enlarged = picture.convert("L").resize((picture.width * 6, picture.height * 6))
    page = ImageOps.expand(ImageOps.invert(enlarged), border=24, fill=255)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.png"
        page.save(path)
        read = subprocess.run(
            ["tesseract", str(path), "-", "--psm", "6"],
            capture_output=True,
            check=True,
            text=True,
            env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"},
        )
    return set(re.findall(r"\w+", read.stdout.lower()))
