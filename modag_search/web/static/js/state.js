// One state, changed by `set` alone; whoever uses a part is drawn anew where that part has changed.

import { useEffect, useReducer, useRef } from "../vendor/htm-preact.js";

let state = {
  info: null,
  labels: [],
  mode: null,
  route: null,
  rows: [],
  answer: null,
  isAsking: false,
  isLoading: false,
  problem: null,
  at: 0,
  pointed: 0,
  arrived: 0,
  selected: new Set(),
  anchor: null,
  acts: [],
  settings: null,
  sheet: null,
  introduced: 0,
  hush: null,
  changed: 0,
  digits: null,
  closedAct: null,
};
const listeners = new Set();

export const get = () => state;

export function set(changes) {
  state = { ...state, ...changes };
  for (const listener of [...listeners]) listener(state);
}

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether anything has a label that names could come from; null as long as that is not known. */
export const isTaught = ({ mode, labels }) =>
  mode === null ? null : labels.some((one) => !one.is_tag && one.items > 0);

/** What `pick` takes from the state, kept up to date. */
export function useStore(pick) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  const picked = pick(state);
  const latest = useRef();
  latest.current = { pick, picked };
  useEffect(() => {
    const look = () => {
      if (!Object.is(latest.current.pick(state), latest.current.picked)) redraw();
    };
    look();
    return subscribe(look);
  }, []);
  return picked;
}
