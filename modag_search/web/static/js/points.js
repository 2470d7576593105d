// Very many points: drawn by WebGL 2, or where there is none on a plain canvas. One frame at a time, when asked.

import { onScreen, pixelsOf } from "./camera.js";

export const SQUARE = 0;
export const DISC = 1;
export const DIAMOND = 2;

export const HIDDEN = 0;
export const DIMMED = 1;
export const SHOWN = 2;
export const CHOSEN = 3;

const DIMMED_ALPHA = 0.18;

const VERTEX = `#version 300 es
layout(location=0) in vec2 place;
layout(location=1) in vec4 colour;
layout(location=2) in vec2 looks; // shape, state
uniform vec2 centre;
uniform vec2 scale;
uniform float size;
flat out vec4 ink;
flat out float shape;
flat out float pixels;
flat out float isChosen;
void main() {
  float state = looks.y;
  isChosen = step(2.5, state);
  gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
  pixels = size * (1.0 + 0.7 * isChosen) + 2.0;
  gl_PointSize = pixels;
  if (state < 0.5) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  float alpha = colour.a * (state < 1.5 ? ${DIMMED_ALPHA} : 1.0);
  ink = vec4(colour.rgb * alpha, alpha);
  shape = looks.x;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 ink;
flat in float shape;
flat in float pixels;
flat in float isChosen;
uniform vec3 ring;
out vec4 found;
void main() {
  vec2 from = abs(gl_PointCoord - 0.5) * pixels;
  float half_ = pixels / 2.0 - 1.0;
  float away = shape < 0.5 ? max(from.x, from.y) - half_ * 0.86
    : shape < 1.5 ? length(from) - half_
    : (from.x + from.y) * 0.7071 - half_ * 0.85;
  float within = clamp(0.5 - away, 0.0, 1.0);
  if (within <= 0.0) discard;
  float rim = isChosen * clamp(away + max(1.5, half_ * 0.35), 0.0, 1.0);
  found = mix(ink, vec4(ring, 1.0), rim) * within;
}`;

/**
 * Draws points on a canvas. `canvas.dataset` tells by what ("webgl" or "canvas"), how many frames were drawn, and how
 * many points there were on the last one.
 */
export class Points {
  constructor(canvas, { usesWebGL = true } = {}) {
    this.canvas = canvas;
    this.n = 0;
    this.camera = null;
    this.ring = [0, 0, 0];
    this.frames = 0;
    this.asked = 0;
    const gl = usesWebGL && canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
    this.pen = gl ? new GlPen(gl) : new PlainPen(canvas.getContext("2d"));
    canvas.dataset.by = gl ? "webgl" : "canvas";
    canvas.dataset.frames = "0";
    this.lost = (event) => event.preventDefault();
    this.restored = () => {
      this.pen = new GlPen(gl);
      this.give();
    };
    canvas.addEventListener("webglcontextlost", this.lost);
    canvas.addEventListener("webglcontextrestored", this.restored);
  }

  /** Take places [x0, y0, x1, y1, ...] and shapes of points. */
  place(places, shapes) {
    this.n = shapes.length;
    this.places = places;
    this.shapes = shapes;
    this.colours = new Uint8Array(4 * this.n);
    this.states = new Uint8Array(this.n).fill(SHOWN);
    this.order = Uint32Array.from({ length: this.n }, (_, i) => i);
    this.give();
  }

  /** Take a colour [r, g, b, a] and a state for each point, and the order in which they lie over each other. */
  dress(colours, states, order) {
    Object.assign(this, { colours, states, order });
    this.give();
  }

  give() {
    if (this.n === 0) return;
    this.pen.take(this);
    this.draw(this.camera);
  }

  /** Draw at the next frame, once however often this is called before. */
  draw(camera) {
    this.camera = camera;
    if (!camera || this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const { canvas, camera } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [camera.width, camera.height].map((side) => Math.max(1, Math.round(side * ratio)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.pen.draw(this, { ratio, size: sizeOf(this.n, camera) });
    this.frames += 1;
    canvas.dataset.frames = String(this.frames);
    canvas.dataset.points = String(this.n);
  }

  close() {
    cancelAnimationFrame(this.asked);
    this.canvas.removeEventListener("webglcontextlost", this.lost);
    this.canvas.removeEventListener("webglcontextrestored", this.restored);
    this.pen.close();
  }
}

/** How large a point is, in CSS pixels: few are large, and all grow a little as one comes near. */
export function sizeOf(n, camera) {
  const small = Math.min(12, Math.max(2.5, 220 / Math.sqrt(n + 1)));
  const room = Math.min(1.5, Math.max(0.7, Math.min(camera.width, camera.height) / 800));
  return Math.min(16, small * room * Math.max(1, camera.zoom) ** 0.35);
}

class GlPen {
  constructor(gl) {
    this.gl = gl;
    this.program = linked(gl);
    this.at = Object.fromEntries(
      ["centre", "scale", "size", "ring"].map((name) => [name, gl.getUniformLocation(this.program, name)]),
    );
    this.shape = gl.createVertexArray();
    gl.bindVertexArray(this.shape);
    this.buffers = [[2, gl.FLOAT, false], [4, gl.UNSIGNED_BYTE, true], [2, gl.UNSIGNED_BYTE, false]].map(
      ([size, type, isScaled], location) => {
        const buffer = gl.createBuffer();
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
        gl.enableVertexAttribArray(location);
        gl.vertexAttribPointer(location, size, type, isScaled, 0, 0);
        return buffer;
      },
    );
    this.order = gl.createBuffer();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.order);
  }

  take({ places, colours, shapes, states, order }) {
    const { gl } = this;
    gl.bindVertexArray(this.shape);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
    const looks = new Uint8Array(2 * shapes.length);
    for (let i = 0; i < shapes.length; i += 1) {
      looks[2 * i] = shapes[i];
      looks[2 * i + 1] = states[i];
    }
    [places, colours, looks].forEach((values, location) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[location]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    });
  }

  draw({ n, camera, ring, canvas }, { ratio, size }) {
    const { gl, at } = this;
    const scale = pixelsOf(camera);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    gl.bindVertexArray(this.shape);
    gl.uniform2f(at.centre, camera.x, camera.y);
    gl.uniform2f(at.scale, (2 * scale) / camera.width, (2 * scale) / camera.height);
    gl.uniform1f(at.size, size * ratio);
    gl.uniform3f(at.ring, ...ring.map((part) => part / 255));
    gl.drawElements(gl.POINTS, n, gl.UNSIGNED_INT, 0);
  }

  close() {
    const { gl } = this;
    for (const buffer of [...this.buffers, this.order]) gl.deleteBuffer(buffer);
    gl.deleteVertexArray(this.shape);
    gl.deleteProgram(this.program);
  }
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(gl.getProgramInfoLog(program));
  }
  return program;
}

class PlainPen {
  constructor(pen) {
    this.pen = pen;
  }

  take() {}

  draw({ order, camera, places, colours, shapes, states, ring, canvas }, { ratio, size }) {
    const { pen } = this;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    let worn = null;
    for (const i of order) {
      if (states[i] === HIDDEN) continue;
      const [left, top] = onScreen(camera, places[2 * i], places[2 * i + 1]);
      if (left < -20 || top < -20 || left > camera.width + 20 || top > camera.height + 20) continue;
      const [r, g, b, a] = colours.subarray(4 * i, 4 * i + 4);
      const style = `rgb(${r} ${g} ${b} / ${(a / 255) * (states[i] === DIMMED ? DIMMED_ALPHA : 1)})`;
      if (style !== worn) pen.fillStyle = worn = style;
      const isChosen = states[i] === CHOSEN;
      outline(pen, shapes[i], left, top, (size / 2) * (isChosen ? 1.7 : 1));
      pen.fill();
      if (!isChosen) continue;
      pen.lineWidth = 2;
      pen.strokeStyle = `rgb(${ring.join(" ")})`;
      pen.stroke();
    }
  }

  close() {}
}

function outline(pen, shape, left, top, half) {
  pen.beginPath();
  if (shape === SQUARE) pen.rect(left - half * 0.86, top - half * 0.86, half * 1.72, half * 1.72);
  else if (shape === DISC) pen.arc(left, top, half, 0, 2 * Math.PI);
  else {
    pen.moveTo(left, top - half * 1.2);
    for (const [x, y] of [[1.2, 0], [0, 1.2], [-1.2, 0]]) pen.lineTo(left + half * x, top + half * y);
    pen.closePath();
  }
}
