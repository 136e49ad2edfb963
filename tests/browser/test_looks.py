"""Every page, light and dark, on a phone and on a wide screen. Pictures of them are left in ``.cache/screenshots``."""

from pathlib import Path
from typing import Literal

import pytest

from tests.browser.conftest import Place, Visit
from tests.browser.gallery import PICTURES, Picture
from tests.browser.looks import problems

pytestmark = pytest.mark.slow

ALBUM = Path(__file__).resolve().parents[2] / ".cache" / "screenshots"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"phone": (360, 740), "wide": (1280, 800)}


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_page_is_readable_labelled_and_fits_on_every_screen(place: Place, visit: Visit, picture: Picture) -> None:
    ALBUM.mkdir(parents=True, exist_ok=True)
    visitor = picture.arrange(place, visit)
    page = visitor.page
    found: list[str] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            found += [f"{scheme}, {size}: {problem}" for problem in problems(page)]
            page.screenshot(path=ALBUM / f"{picture.name}-{scheme}-{size}.png", full_page=True, caret="initial")
    page.set_viewport_size({"width": 320, "height": 256})  # 1280 pixels at 400 %: WCAG 2.2, 1.4.10
    found += [f"enlarged: {problem}" for problem in problems(page)]
    assert found == []
