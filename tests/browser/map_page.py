"""A map on a page, and where its points lie."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.watching import WatchedPage

_LONGEST_WAIT_MS = 20_000
_MOUNT = """
async (options) => {
  const [{ mountMap }, api, player] = await Promise.all(
    ["map", "api", "player"].map((name) => import(`/static/js/${name}.js`)),
  );
  document.body.innerHTML = '<main id="map"></main>';
  document.getElementById("map").style.height = "100vh";
  window.told = { opened: [], asked: [], selected: [] };
  window.player = player;
  const answers = options.answers && (async (path) => {
    if (path === "/map" && options.answers.problem) throw new Error(options.answers.problem);
    if (path === "/map") return made_map(options.answers.points);
    return path.endsWith("neighbours") ? { hits: [] } : { path: "/made/one.png", kind: "image", labels: [] };
  });
  window.map = mountMap(document.getElementById("map"), {
    api: answers ? { ...api, read: answers, thumbnailOf: () => "data:," } : api,
    player,
    usesWebGL: options.usesWebGL ?? true,
    labels: options.labels ?? [],
    onSelect: (ids) => window.told.selected.push(ids),
    onOpen: (item) => window.told.opened.push(item.id),
    onAsk: (item) => window.told.asked.push(item.id),
  });
  function made_map(n) {
    let seed = 1;
    const random = () => ((seed = (seed * 48271) % 2147483647) / 2147483647) * 2 - 1;
    const column = (make) => Array.from({ length: n }, (_, i) => make(i));
    return {
      method: "pca", methods: ["pca"], explained: 0.5, unplaced: 0,
      ids: column((i) => i + 1), x: column(random), y: column(random),
      kinds: ["image", "sound", "video"], kind: column((i) => i % 3),
      labels: ["one", "two"], label: column((i) => (i % 4) - 2 < 0 ? -1 : (i % 4) - 2),
      origins: ["hand", "import", "transfer"], origin: column((i) => (i % 4 < 2 ? -1 : 2)),
      confidence: column((i) => (i % 4 < 2 ? null : (i % 100) / 100)),
    };
  }
}
"""


class MapPage:
    """A map: by itself on a page, or, without any options, as one of the page's views.

    Parameters
    ----------
    watched : WatchedPage
    options : object
        ``usesWebGL``; ``labels``; or ``answers`` in the server's stead, of so many ``points`` or with a ``problem``.
    """

    def __init__(self, watched: WatchedPage, **options: Any) -> None:
        self.page: Page = watched.page
        if options:
            self.page.evaluate(_MOUNT, options)

    @property
    def canvas(self) -> Locator:
        return self.page.locator(".map canvas")

    @property
    def stage(self) -> Locator:
        return self.page.locator(".map-stage")

    @property
    def card(self) -> Locator:
        return self.page.locator(".map-card")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def told(self, of: str) -> Any:
        """Return what whoever shows the map was told: opened, asked or selected."""
        return self.page.evaluate(f"window.told.{of}")

    def wait_until_drawn(self, points: int) -> None:
        """Wait for a frame with so many points."""
        expect(self.canvas).to_have_attribute("data-points", str(points))

    @property
    def frames(self) -> int:
        return int(self.canvas.get_attribute("data-frames") or 0)

    def wait_for_a_frame_after(self, frames: int) -> None:
        self.wait_until(f"document.querySelector('.map canvas').dataset.frames > {frames}")

    def wait_until(self, holds: str) -> None:
        """Wait for what a piece of JavaScript says; Playwright's own way would need a policy that lets texts run."""
        waits = f"""async () => {{
          const until = performance.now() + {_LONGEST_WAIT_MS};
          while (!({holds})) {{
            if (performance.now() > until) throw new Error("waited in vain");
            await new Promise(requestAnimationFrame);
          }}
        }}"""
        self.page.evaluate(waits)

    def places(self) -> dict[str, tuple[float, float]]:
        """Return where on the page each file's point lies, by name: as the camera of a map nobody has moved has it."""
        found: dict[str, tuple[float, float]] = self.page.evaluate(
            """async () => {
              const camera = await import("/static/js/camera.js");
              const columns = await (await fetch("/api/v1/map")).json();
              const { left, top, width, height } = document.querySelector(".map-stage").getBoundingClientRect();
              const of = (values) => [Math.min(...values), Math.max(...values)];
              const [[x0, x1], [y0, y1]] = [of(columns.x), of(columns.y)];
              const seen = camera.whole(width, height, [x0, y0, x1, y1]);
              const rows = await Promise.all(columns.ids.map(async (id, i) => {
                const { path } = await (await fetch(`/api/v1/items/${id}`)).json();
                const [x, y] = camera.onScreen(seen, columns.x[i], columns.y[i]);
                return [path.split("/").pop(), [left + x, top + y]];
              }));
              return Object.fromEntries(rows);
            }"""
        )
        return found

    def colour_at(self, place: tuple[float, float]) -> tuple[int, ...]:
        """Return the colour of a pixel of the page."""
        with Image.open(io.BytesIO(self.page.screenshot())) as picture:
            colour = picture.convert("RGB").getpixel((round(place[0]), round(place[1])))
        assert isinstance(colour, tuple)
        return tuple(int(part) for part in colour)

    def colour_in_legend(self, name: str) -> tuple[int, ...]:
        """Return the colour of a group of the legend."""
        fill: str = self.button(name).locator(".map-swatch").evaluate("(one) => getComputedStyle(one).fill")
        return tuple(int(part) for part in fill.removeprefix("rgb(").removesuffix(")").split(","))

    def draw(self, *places: tuple[float, float], key: str | None = None) -> None:
        """Drag along places of the page, with a key held down."""
        if key:
            self.page.keyboard.down(key)
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()
        if key:
            self.page.keyboard.up(key)


def around(*places: tuple[float, float], by: float = 9) -> list[tuple[float, float]]:
    """Return the corners of a box around places."""
    xs, ys = zip(*places, strict=True)
    left, right, top, bottom = min(xs) - by, max(xs) + by, min(ys) - by, max(ys) + by
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
