// What the pointer does on the map: drag moves, wheel and pinch zoom, Shift and drag draw a line around points.

import { useEffect, useRef } from "../vendor/htm-preact.js";

const CLICK_PX = 5;
const WHEEL = 0.0018;

/**
 * Listen on an element. `acts` has onPan(dx, dy), onZoom(factor, left, top), onPoint(left, top), onLeave(),
 * onClick(left, top, event), onLasso(line, isDone, event).
 */
export function useGestures(element, acts, { draws }) {
  const latest = useRef();
  latest.current = { acts, draws };
  useEffect(() => {
    const target = element.current;
    const gesture = new Gesture(target, () => latest.current);
    for (const [name, act] of gesture.listeners) target.addEventListener(name, act, { passive: false });
    return () => {
      for (const [name, act] of gesture.listeners) target.removeEventListener(name, act);
    };
  }, []);
}

class Gesture {
  constructor(target, now) {
    this.target = target;
    this.now = now;
    this.down = new Map();
    this.line = null;
    this.moved = 0;
    this.listeners = Object.entries({
      pointerdown: (event) => this.begin(event),
      pointermove: (event) => this.move(event),
      pointerup: (event) => this.end(event),
      pointercancel: (event) => this.give(event),
      // A finger leaves whenever it is lifted: what it showed stays.
      pointerleave: (event) => event.pointerType === "touch" || this.down.size || this.now().acts.onLeave(),
      wheel: (event) => this.wheel(event),
    });
  }

  at(event) {
    const box = this.target.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  begin(event) {
    if (event.button > 0) return;
    this.target.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, this.at(event));
    this.moved = this.down.size > 1 ? Infinity : 0; // a pinch is no click
    this.line = this.down.size === 1 && (event.shiftKey || this.now().draws) ? [this.at(event)] : null;
  }

  move(event) {
    const { acts } = this.now();
    const at = this.at(event);
    const before = this.down.get(event.pointerId);
    if (!before) return acts.onPoint(...at);
    this.moved += Math.hypot(at[0] - before[0], at[1] - before[1]);
    if (this.down.size === 2) this.pinch(event.pointerId, at);
    else if (this.line) this.line.push(at);
    else if (this.moved > CLICK_PX) acts.onPan(at[0] - before[0], at[1] - before[1]);
    if (this.line && this.moved > CLICK_PX) acts.onLasso([...this.line], false, event);
    this.down.set(event.pointerId, at);
    return undefined;
  }

  pinch(moving, at) {
    const { acts } = this.now();
    const [[, other]] = [...this.down].filter(([id]) => id !== moving);
    const before = this.down.get(moving);
    const apart = (one) => Math.max(1, Math.hypot(one[0] - other[0], one[1] - other[1]));
    acts.onZoom(apart(at) / apart(before), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
    acts.onPan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
  }

  end(event) {
    if (!this.down.delete(event.pointerId)) return;
    const { acts } = this.now();
    if (this.moved <= CLICK_PX) acts.onClick(...this.at(event), event);
    else if (this.line) acts.onLasso(this.line, true, event);
    this.line = null;
  }

  give(event) {
    this.down.delete(event.pointerId);
    if (this.line) this.now().acts.onLasso([], true, event);
    this.line = null;
  }

  wheel(event) {
    event.preventDefault();
    const by = event.deltaY * (event.deltaMode === 1 ? 16 : 1) * (event.ctrlKey ? 4 : 1);
    this.now().acts.onZoom(Math.exp(-by * WHEEL), ...this.at(event));
  }
}
