/** The host's clock, µs since the epoch. */
export function hostNowMicros(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}
