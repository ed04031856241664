/**
 * A set of small numbers that gives its greatest: a tree of bit words, 32 branches a node. Adding,
 * deleting and the greatest are O(log32 n), four words for a million. 0.13 bytes a possible number.
 */
export class RankBits {
  /** Words of each level, leaves first; the last level is one word. */
  #levels: Uint32Array[] = [new Uint32Array(1)];

  /** How many numbers, from 0, have room. */
  get capacity(): number {
    return (this.#levels[0] as Uint32Array).length * 32;
  }

  /** Makes room for the numbers below `capacity`; keeps the set. */
  grow(capacity: number): void {
    const leaves = new Uint32Array(Math.ceil(Math.max(capacity, this.capacity * 2) / 32));
    leaves.set(this.#levels[0] as Uint32Array);
    const levels = [leaves];
    for (let below = leaves; below.length > 1;) {
      const level = new Uint32Array(Math.ceil(below.length / 32));
      for (let at = 0; at < below.length; at++) {
        if (below[at] !== 0) level[at >>> 5] = (level[at >>> 5] as number) | (1 << (at & 31));
      }
      levels.push(level);
      below = level;
    }
    this.#levels = levels;
  }

  add(rank: number): void {
    let at = rank;
    for (const words of this.#levels) {
      const word = words[at >>> 5] as number;
      words[at >>> 5] = word | (1 << (at & 31));
      if (word !== 0) return; // the levels above know of this word already
      at >>>= 5;
    }
  }

  delete(rank: number): void {
    let at = rank;
    for (const words of this.#levels) {
      const word = (words[at >>> 5] as number) & ~(1 << (at & 31));
      words[at >>> 5] = word;
      if (word !== 0) return;
      at >>>= 5;
    }
  }

  /** The greatest number in the set, or -1. */
  greatest(): number {
    let at = 0;
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const word = (this.#levels[level] as Uint32Array)[at] as number;
      if (word === 0) return -1;
      at = at * 32 + 31 - Math.clz32(word);
    }
    return at;
  }
}
