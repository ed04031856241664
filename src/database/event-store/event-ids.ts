import { randomFillSync } from 'node:crypto';

const RANDOM_BYTES = 4096;

/**
 * Makes UUIDs of version 7: 48 bits of the instant in ms, the rest random, so that ids of later
 * instants sort later. Source: RFC 9562, section 5.7.
 */
export class EventIds {
  readonly #pool = new Uint8Array(RANDOM_BYTES);
  #at = RANDOM_BYTES;

  /** 16 bytes for an event at `micros`, µs since the epoch. O(1). */
  next(micros: number): Uint8Array {
    if (this.#at === RANDOM_BYTES) {
      randomFillSync(this.#pool);
      this.#at = 0;
    }
    const id = new Uint8Array(16);
    id.set(this.#pool.subarray(this.#at, this.#at + 16));
    this.#at += 16;
    let millis = Math.floor(micros / 1000);
    for (let at = 5; at >= 0; at--) {
      id[at] = millis % 256;
      millis = Math.floor(millis / 256);
    }
    id[6] = ((id[6] as number) & 0x0f) | 0x70;
    id[8] = ((id[8] as number) & 0x3f) | 0x80;
    return id;
  }
}

/** The text of 16 bytes of a UUID. */
export function uuidText(id: Uint8Array): string {
  const hex = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The bytes of a UUID in its usual text form; undefined for none. */
export function uuidBytes(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : Buffer.from(text.replaceAll('-', ''), 'hex');
}
