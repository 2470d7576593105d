// Part of a picture asks: drawn with the mouse, or moved with arrows, cut out here and sent.

import { html, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { thumbnailOf } from "./api.js";
import { askWithFile } from "./asking.js";
import { Icon } from "./icons.js";
import { baseOf } from "./wording.js";

const LARGE_PX = 1600;
const STEP = 0.02;
const LEAST = 0.04;
const TALLEST_VH = 62;
const LARGEST = 2.5;
const CENTRE = { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };

const bounded = (value, most) => Math.max(0, Math.min(most, value));

/** A box from one corner to the other, in shares of the picture. */
const between = (a, b) => ({
  x: Math.min(a.x, b.x),
  y: Math.min(a.y, b.y),
  width: Math.abs(a.x - b.x),
  height: Math.abs(a.y - b.y),
});

const inWords = ({ x, y, width, height }) => {
  const [left, top, across, down] = [x, y, width, height].map((share) => Math.round(share * 100));
  return `${left} % from the left, ${top} % from the top, ${across} by ${down} %`;
};

async function cutOut(image, box) {
  const [width, height] = [box.width * image.naturalWidth, box.height * image.naturalHeight].map(Math.round);
  const canvas = new OffscreenCanvas(Math.max(1, width), Math.max(1, height));
  canvas
    .getContext("2d")
    .drawImage(
      image,
      box.x * image.naturalWidth,
      box.y * image.naturalHeight,
      width,
      height,
      0,
      0,
      canvas.width,
      canvas.height,
    );
  return canvas.convertToBlob({ type: "image/png" });
}

export function CroppablePicture({ row }) {
  const image = useRef();
  const from = useRef(null);
  const [box, setBox] = useState(null);
  const [isGone, setGone] = useState(false);
  const [room, setRoom] = useState({});
  useEffect(() => (setBox(null), setGone(false)), [row.id]);
  const fit = ({ currentTarget: { naturalWidth, naturalHeight } }) =>
    setRoom({ width: `min(100%, ${(TALLEST_VH * naturalWidth) / naturalHeight}vh, ${naturalWidth * LARGEST}px)` });

  const placeOf = (event) => {
    const { left, top, width, height } = image.current.getBoundingClientRect();
    return { x: bounded((event.clientX - left) / width, 1), y: bounded((event.clientY - top) / height, 1) };
  };
  const down = (event) => {
    if (event.button || event.target.closest("button")) return;
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    from.current = placeOf(event);
  };
  const move = (event) => from.current && setBox(between(from.current, placeOf(event)));
  const up = () => {
    from.current = null;
    setBox((drawn) => (drawn && drawn.width > LEAST / 2 && drawn.height > LEAST / 2 ? drawn : null));
  };
  const byKey = (event) => {
    const [dx, dy] =
      { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] ?? [];
    if (dx === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    setBox(
      event.shiftKey
        ? {
            ...box,
            width: Math.max(LEAST, bounded(box.width + dx, 1 - box.x)),
            height: Math.max(LEAST, bounded(box.height + dy, 1 - box.y)),
          }
        : { ...box, x: bounded(box.x + dx, 1 - box.width), y: bounded(box.y + dy, 1 - box.height) },
    );
  };
  const ask = async () => {
    const part = await cutOut(image.current, box);
    const name = `${baseOf(row.path).replace(/\.[^.]*$/, "")}.png`;
    askWithFile(part, { name, isPart: true, address: URL.createObjectURL(part) });
  };
  if (isGone) return html`<div class="large gone"><${Icon} of="problem" /><span>cannot be shown</span></div>`;
  const percents =
    box &&
    Object.fromEntries(
      Object.entries({ left: box.x, top: box.y, width: box.width, height: box.height }).map(([key, share]) => [
        key,
        `${share * 100}%`,
      ]),
    );
  return html`
    <div class="large">
      <div class="croppable" style=${room} onPointerDown=${down} onPointerMove=${move} onPointerUp=${up}>
        <img ref=${image} src=${thumbnailOf(row, { side_px: LARGE_PX })} alt=${baseOf(row.path)} draggable=${false}
          onLoad=${fit} onError=${() => setGone(true)} />
        ${
          box &&
          html`<div class="crop" style=${percents} tabindex="0" role="slider"
          aria-label="The part to ask with: arrows move it, with Shift they change its size" aria-valuemin="0"
          aria-valuemax="100" aria-valuenow=${Math.round(box.x * 100)}
          aria-valuetext=${inWords(box)} onKeyDown=${byKey}></div>`
        }
      </div>
    </div>
    <div class="part-line">
      ${
        box
          ? html`<button type="button" class="button primary" onClick=${ask}>
          <${Icon} of="search" />Ask with this part</button>
          <button type="button" class="button" onClick=${() => setBox(null)}>Whole picture</button>`
          : html`<button type="button" class="button" onClick=${() => setBox(CENTRE)}>
          <${Icon} of="crop" />Choose a part</button><span class="muted">or draw one on the picture</span>`
      }
    </div>
  `;
}
