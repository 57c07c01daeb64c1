// Numbers as people read them.

export function seconds(value) {
  return `${value.toFixed(2)} s`;
}

export function clock(value) {
  const minutes = Math.floor(value / 60);
  const rest = value - 60 * minutes;
  return `${minutes}:${rest.toFixed(2).padStart(5, '0')}`;
}

export function percent(value, digits = 1) {
  if (value === null || value === undefined) return '–';
  return `${(100 * value).toFixed(digits)} %`;
}

export function plural(count, word, many = `${word}s`) {
  return `${count} ${count === 1 ? word : many}`;
}
