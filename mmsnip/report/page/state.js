// One place for what the user has chosen; parts listen to the keys they draw.

export function makeStore(initial) {
  const state = { ...initial };
  const listeners = [];
  function set(changes) {
    const changed = Object.keys(changes).filter(
      (key) => !Object.is(state[key], changes[key]),
    );
    if (!changed.length) return;
    Object.assign(state, changes);
    for (const [keys, listen] of listeners) {
      if (keys.some((key) => changed.includes(key))) listen(state);
    }
  }
  function on(keys, listen) {
    listeners.push([keys, listen]);
  }
  return { state, set, on };
}

export function toggled(chosen, value) {
  const next = new Set(chosen);
  if (!next.delete(value)) next.add(value);
  return next;
}
