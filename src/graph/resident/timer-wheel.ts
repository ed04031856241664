import type { StepLists } from './ready-queue.ts';

const LEVELS = 6;
/** Slots of a level, as a power of two. */
const SLOT_BITS = 5;
const SLOTS = 1 << SLOT_BITS;
/** Ticks that the wheel spans: 12.7 days of 1,024 µs. */
const SPAN = 2 ** (LEVELS * SLOT_BITS);
const TICK_MICROS = 1024;

/**
 * Waits by the instant at which they end: a hierarchical timing wheel of six levels with 32 slots
 * each, exact to the microsecond although a tick is 1,024.
 *
 * A wait stands at the level of the highest digit in which its tick differs from the present one
 * and sinks as time comes nearer, six times at most; waits beyond 12.7 days stand aside until the
 * wheel has turned once. Adding and removing are O(1), an advance costs what it moves.
 * Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987.
 */
export class TimerWheel {
  readonly #lists: StepLists;
  readonly #endOf: (step: number) => number;
  readonly #slots: number[] = [];
  /** Slots of each level that may hold waits. */
  readonly #used = new Uint32Array(LEVELS);
  readonly #far: number;
  /** No wait of a slot of the first level ends before this instant; nor does any of `#far`. */
  readonly #earliest = new Float64Array(SLOTS).fill(Infinity);
  #farEarliest = Infinity;
  /** Instant of tick 0, µs since the epoch. */
  #origin: number;
  #tick = 0;

  /**
   * @param endOf when a step's wait ends, µs since the epoch; the same from `add` to `remove`
   * @param nowMicros the clock, µs since the epoch
   */
  constructor(lists: StepLists, endOf: (step: number) => number, nowMicros: number) {
    this.#lists = lists;
    this.#endOf = endOf;
    this.#origin = nowMicros;
    for (let slot = 0; slot < LEVELS * SLOTS; slot++) this.#slots.push(lists.create());
    this.#far = lists.create();
  }

  /** Files the wait of a step that is in no list; it ends after the last advance. O(1). */
  add(step: number): void {
    const end = this.#endOf(step);
    const tick = Math.floor((end - this.#origin) / TICK_MICROS);
    if (!(tick < SPAN)) {
      this.#lists.append(this.#far, step);
      if (end < this.#farEarliest) this.#farEarliest = end;
      return;
    }
    const differing = tick ^ this.#tick;
    const level = differing === 0 ? 0 : Math.floor((31 - Math.clz32(differing)) / SLOT_BITS);
    const slot = (tick >>> (level * SLOT_BITS)) & (SLOTS - 1);
    this.#lists.append(this.#slots[level * SLOTS + slot] as number, step);
    if (level === 0 && end < (this.#earliest[slot] as number)) this.#earliest[slot] = end;
    this.#used[level] = (this.#used[level] as number) | (1 << slot);
  }

  /** Strikes out the wait of a filed step. O(1). */
  remove(step: number): void {
    this.#lists.remove(step);
  }

  /**
   * Moves the clock on and hands out every step whose wait is over by then, in the order of their
   * ticks; a clock that stands still or goes back hands out nothing.
   *
   * @param onDue gets each such step, in no list any more
   */
  advance(nowMicros: number, onDue: (step: number) => void): void {
    let target = Math.floor((nowMicros - this.#origin) / TICK_MICROS);
    if (target >= SPAN) {
      this.#turn(SPAN - 1, nowMicros, onDue);
      this.#origin = nowMicros;
      this.#tick = 0;
      this.#refileFar(nowMicros, onDue);
      target = 0;
    }
    this.#turn(target, nowMicros, onDue);
  }

  /**
   * When to advance again, µs since the epoch: never after the end of the next wait, perhaps before
   * it (where the wait that would have ended then was struck out, or lies further ahead); Infinity
   * without waits. O(1): an advance to that instant finds the next one.
   */
  nextDueAt(): number {
    for (let level = 0; level < LEVELS; level++) {
      const slot = this.#firstSlot(level);
      if (slot === -1) continue;
      if (level > 0) return this.#origin + this.#slotStart(level, slot) * TICK_MICROS;
      return this.#earliest[slot] as number;
    }
    return this.#lists.first(this.#far) === -1 ? Infinity : this.#farEarliest;
  }

  #turn(target: number, nowMicros: number, onDue: (step: number) => void): void {
    for (let level = 0; level < LEVELS;) {
      const slot = this.#firstSlot(level);
      if (slot === -1) {
        level++;
        continue;
      }
      // what stands at a lower level comes before everything at a higher one
      const start = this.#slotStart(level, slot);
      if (start > target) break;
      if (start > this.#tick) this.#tick = start;
      if (level === 0) {
        this.#expire(slot, nowMicros, onDue);
        if (this.#firstSlot(0) === slot) break; // the rest of this tick is still to come
      } else {
        this.#sink(level, slot);
        level = 0;
      }
    }
    if (target > this.#tick) this.#tick = target;
  }

  #expire(slot: number, nowMicros: number, onDue: (step: number) => void): void {
    const list = this.#slots[slot] as number;
    let earliest = Infinity;
    this.#earliest[slot] = Infinity; // what is filed here meanwhile lowers it
    for (let step = this.#lists.first(list); step !== -1;) {
      const after = this.#lists.after(step);
      const end = this.#endOf(step);
      if (end <= nowMicros) {
        this.#lists.remove(step);
        onDue(step);
      } else if (end < earliest) earliest = end;
      step = after;
    }
    if (earliest < this.#earliest[slot]) this.#earliest[slot] = earliest;
  }

  /** Files the waits of a slot that the clock has reached anew, at lower levels. */
  #sink(level: number, slot: number): void {
    const list = this.#slots[level * SLOTS + slot] as number;
    for (let step = this.#lists.first(list); step !== -1; step = this.#lists.first(list)) {
      this.#lists.remove(step);
      this.add(step);
    }
    this.#used[level] = (this.#used[level] as number) & ~(1 << slot);
  }

  #refileFar(nowMicros: number, onDue: (step: number) => void): void {
    const waiting: number[] = [];
    for (let step = this.#lists.first(this.#far); step !== -1; step = this.#lists.after(step)) {
      waiting.push(step);
    }
    this.#farEarliest = Infinity;
    for (const step of waiting) {
      this.#lists.remove(step);
      if (this.#endOf(step) <= nowMicros) onDue(step);
      else this.add(step);
    }
  }

  /** First slot of a level that holds waits, or -1; strikes out those that ran empty. */
  #firstSlot(level: number): number {
    let used = this.#used[level] as number;
    while (used !== 0) {
      const slot = 31 - Math.clz32(used & -used);
      if (this.#lists.first(this.#slots[level * SLOTS + slot] as number) !== -1) return slot;
      used &= ~(1 << slot);
      this.#used[level] = used;
      if (level === 0) this.#earliest[slot] = Infinity;
    }
    return -1;
  }

  /** First tick of a slot at or after the present one. */
  #slotStart(level: number, slot: number): number {
    const above = (level + 1) * SLOT_BITS;
    const high = above >= 30 ? 0 : (this.#tick >>> above) << above;
    return high + slot * 2 ** (level * SLOT_BITS);
  }
}
