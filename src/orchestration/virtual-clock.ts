import type { Clock } from './clock.ts';

interface Appointment {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to go on. Instants are µs since the epoch. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #appointments = new Set<Appointment>();

  constructor(nowMicros: number) {
    this.#now = nowMicros;
  }

  nowMicros(): number {
    return this.#now;
  }

  /** The earliest instant that somebody waits for; Infinity for none. O(waiting). */
  get nextAt(): number {
    let next = Infinity;
    for (const { at } of this.#appointments) next = Math.min(next, at);
    return next;
  }

  schedule(atMicros: number, callback: () => void): () => void {
    const appointment = { at: atMicros, callback };
    this.#appointments.add(appointment);
    if (atMicros <= this.#now) setImmediate(() => this.#keep(appointment));
    return () => void this.#appointments.delete(appointment);
  }

  /** Sets the time, never back, and calls back whoever waited for an instant up to it. */
  jumpTo(atMicros: number): void {
    this.#now = Math.max(this.#now, atMicros);
    const due = [...this.#appointments].filter(({ at }) => at <= this.#now);
    for (const appointment of due.sort((a, b) => a.at - b.at)) this.#keep(appointment);
  }

  #keep(appointment: Appointment): void {
    if (this.#appointments.delete(appointment)) appointment.callback();
  }
}
