/** Where figures stand in a chart. Only positions are Numbers: a rounded pixel is no rounded cent. */

/** Round steps of an axis: 1, 2 or 5 times a power of ten, in minor units, at most `most` of them up to `largest`. */
export function step(largest: bigint, most: number): bigint {
  let size = 1n;
  for (;;) {
    for (const factor of [1n, 2n, 5n]) {
      if (largest / (size * factor) < BigInt(most)) return size * factor;
    }
    size *= 10n;
  }
}

export interface Scale {
  low: bigint;
  high: bigint;
  ticks: bigint[];
  /** 0 at the bottom, 100 at the top. */
  percent(value: bigint): number;
}

/** A scale from zero: distance from zero is the message. It goes a little past the outermost figures. */
export function scale(values: readonly bigint[], ticksMost = 4): Scale {
  let low = 0n;
  let high = 0n;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low === high) high = 100n;
  const distance = step(high - low, ticksMost);
  const margin = (high - low) / 20n;
  if (high > 0n) high += margin;
  if (low < 0n) low -= margin;
  const ticks: bigint[] = [];
  for (let tick = -(-low / distance) * distance; tick <= high; tick += distance) ticks.push(tick);
  return { low, high, ticks, percent: (value) => ratio(value - low, high - low) * 100 };
}

/** `part / whole` of possibly very large counts, to six digits. */
export function ratio(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 1_000_000n) / whole) / 1_000_000;
}
