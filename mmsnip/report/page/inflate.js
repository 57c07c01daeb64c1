// Raw deflate (RFC 1951) for browsers without DecompressionStream.

const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
  35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
  3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2,
  14, 1, 15];

export function inflate(bytes) {
  const bits = bitReader(bytes);
  const out = growing(bytes.length * 4);
  let last = false;
  while (!last) {
    last = bits.take(1) === 1;
    const kind = bits.take(2);
    if (kind === 0) copyStored(bits, out);
    else if (kind === 1) readBlock(bits, out, ...fixedCodes());
    else if (kind === 2) readBlock(bits, out, ...dynamicCodes(bits));
    else throw new Error('damaged data: unknown block');
  }
  return out.bytes();
}

function bitReader(bytes) {
  let place = 0;
  let held = 0;
  let count = 0;
  function take(need) {
    while (count < need) {
      if (place >= bytes.length) throw new Error('damaged data: cut off');
      held |= bytes[place++] << count;
      count += 8;
    }
    const value = held & ((1 << need) - 1);
    held >>>= need;
    count -= need;
    return value;
  }
  function align() {
    held = 0;
    count = 0;
  }
  return { take, align };
}

function growing(size) {
  let data = new Uint8Array(Math.max(size, 64));
  let length = 0;
  function push(value) {
    if (length === data.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(data);
      data = larger;
    }
    data[length++] = value;
  }
  function repeat(distance, count) {
    if (distance > length) throw new Error('damaged data: too far back');
    for (let i = 0; i < count; i++) push(data[length - distance]);
  }
  return { push, repeat, bytes: () => data.slice(0, length) };
}

function copyStored(bits, out) {
  bits.align();
  const length = bits.take(16);
  bits.take(16);
  for (let i = 0; i < length; i++) out.push(bits.take(8));
}

// Canonical code: how many codes of each length, and symbols in their order.
function makeCode(lengths) {
  const counts = new Uint16Array(16);
  for (const length of lengths) counts[length]++;
  counts[0] = 0;
  const starts = new Uint16Array(16);
  for (let n = 1; n < 16; n++) starts[n] = starts[n - 1] + counts[n - 1];
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length) symbols[starts[length]++] = symbol;
  });
  return { counts, symbols };
}

function readSymbol(bits, code) {
  let value = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length < 16; length++) {
    value |= bits.take(1);
    const count = code.counts[length];
    if (value - first < count) return code.symbols[index + value - first];
    index += count;
    first = (first + count) << 1;
    value <<= 1;
  }
  throw new Error('damaged data: no such code');
}

function fixedCodes() {
  const lengths = Array.from({ length: 288 }, (_, symbol) => {
    if (symbol < 144) return 8;
    if (symbol < 256) return 9;
    return symbol < 280 ? 7 : 8;
  });
  return [makeCode(lengths), makeCode(new Array(30).fill(5))];
}

function dynamicCodes(bits) {
  const numLiterals = bits.take(5) + 257;
  const numDistances = bits.take(5) + 1;
  const numCodes = bits.take(4) + 4;
  const codeLengths = new Array(19).fill(0);
  for (let i = 0; i < numCodes; i++) codeLengths[CODE_ORDER[i]] = bits.take(3);
  const code = makeCode(codeLengths);
  const lengths = [];
  while (lengths.length < numLiterals + numDistances) {
    const symbol = readSymbol(bits, code);
    if (symbol < 16) lengths.push(symbol);
    else lengths.push(...repeated(bits, symbol, lengths));
  }
  return [
    makeCode(lengths.slice(0, numLiterals)),
    makeCode(lengths.slice(numLiterals, numLiterals + numDistances)),
  ];
}

function repeated(bits, symbol, lengths) {
  if (symbol === 16) {
    return new Array(3 + bits.take(2)).fill(lengths[lengths.length - 1]);
  }
  const count = symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
  return new Array(count).fill(0);
}

function readBlock(bits, out, literals, distances) {
  for (;;) {
    const symbol = readSymbol(bits, literals);
    if (symbol === 256) return;
    if (symbol < 256) {
      out.push(symbol);
      continue;
    }
    const kind = symbol - 257;
    const count = LENGTH_BASE[kind] + bits.take(LENGTH_BITS[kind]);
    out.repeat(readDistance(bits, distances), count);
  }
}

function readDistance(bits, distances) {
  const symbol = readSymbol(bits, distances);
  if (symbol < 2) return symbol + 1;
  const extra = (symbol >> 1) - 1;
  return ((2 + (symbol & 1)) << extra) + 1 + bits.take(extra);
}
