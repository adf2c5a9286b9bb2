/**
 * Globs: `*` is a run without `/`, `**` any run, `?` one character but `/`. No classes, no braces, no escapes.
 *
 * The states of the pattern are bits, and every character of the text moves all of them at once: time is
 * proportional to the text, times one word per 31 pattern tokens, whatever pattern and text are. Nothing backtracks.
 */
export class Glob {
  readonly pattern: string;
  /** What every match begins with. */
  readonly literalPrefix: string;
  readonly #literalSuffix: string;
  readonly #machine: Machine;

  constructor(pattern: string) {
    this.pattern = pattern;
    const first = pattern.search(/[*?]/);
    this.literalPrefix = first === -1 ? pattern : pattern.slice(0, first);
    const last = Math.max(pattern.lastIndexOf('*'), pattern.lastIndexOf('?'));
    this.#literalSuffix = first === -1 ? '' : pattern.slice(last + 1);
    this.#machine = new Machine(first === -1 ? '' : pattern.slice(first, last + 1));
  }

  matches(text: string): boolean {
    const prefix = this.literalPrefix;
    const suffix = this.#literalSuffix;
    if (text.length < prefix.length + suffix.length || !text.startsWith(prefix) || !text.endsWith(suffix)) return false;
    return this.#machine.run(text, prefix.length, text.length - suffix.length);
  }
}

const STATES_PER_WORD = 31;
const SLASH = 47;

/** The middle of a glob, from its first wildcard to its last. */
class Machine {
  readonly #words: number;
  /** Per code point: the states that it moves on, wildcards included. */
  readonly #moves = new Map<number, Int32Array>();
  /** For a code point that the pattern does not name: the states of `?`. */
  readonly #other: Int32Array;
  readonly #stars: Int32Array;
  readonly #globstars: Int32Array;
  /** The states of `*` and `**`: they hold nothing as well. */
  readonly #skips: Int32Array;
  readonly #final: number;

  constructor(pattern: string) {
    const tokens = tokenise(pattern);
    this.#final = tokens.length;
    this.#words = Math.floor(tokens.length / STATES_PER_WORD) + 1;
    const words = (): Int32Array => new Int32Array(this.#words);
    this.#other = words();
    this.#stars = words();
    this.#globstars = words();
    this.#skips = words();
    for (const [state, token] of tokens.entries()) {
      if (token === '?') set(this.#other, state);
      if (token === '*') set(this.#stars, state);
      if (token === '**') set(this.#globstars, state);
      if (token === '*' || token === '**') set(this.#skips, state);
      else if (token !== '?') {
        const point = token.codePointAt(0) ?? 0;
        let moves = this.#moves.get(point);
        if (moves === undefined) this.#moves.set(point, (moves = words()));
        set(moves, state);
      }
    }
    for (const [point, moves] of this.#moves) {
      if (point !== SLASH) for (let word = 0; word < this.#words; word++) moves[word] = (moves[word] ?? 0) | (this.#other[word] ?? 0);
    }
  }

  run(text: string, from: number, to: number): boolean {
    return this.#words === 1 ? this.#runOne(text, from, to) : this.#runMany(text, from, to);
  }

  #runOne(text: string, from: number, to: number): boolean {
    const skips = this.#skips[0] ?? 0;
    const stars = this.#stars[0] ?? 0;
    const globstars = this.#globstars[0] ?? 0;
    const other = this.#other[0] ?? 0;
    let states = 1 | ((1 & skips) << 1);
    for (let at = from; at < to; ) {
      const point = text.codePointAt(at) ?? 0;
      at += point > 0xffff && at + 1 < to ? 2 : 1;
      const slash = point === SLASH;
      const moves = this.#moves.get(point)?.[0] ?? (slash ? 0 : other);
      const next = ((states & moves) << 1) | (states & globstars) | (slash ? 0 : states & stars);
      states = next | ((next & skips) << 1);
      if (states === 0) return false;
    }
    return ((states >>> this.#final) & 1) === 1;
  }

  #runMany(text: string, from: number, to: number): boolean {
    const words = this.#words;
    const states = new Int32Array(words);
    states[0] = 1;
    this.#close(states);
    for (let at = from; at < to; ) {
      const point = text.codePointAt(at) ?? 0;
      at += point > 0xffff && at + 1 < to ? 2 : 1;
      const slash = point === SLASH;
      const moves = this.#moves.get(point) ?? (slash ? undefined : this.#other);
      let carry = 0;
      let alive = 0;
      for (let word = 0; word < words; word++) {
        const old = states[word] ?? 0;
        const moved = moves === undefined ? 0 : old & (moves[word] ?? 0);
        const stay = (old & (this.#globstars[word] ?? 0)) | (slash ? 0 : old & (this.#stars[word] ?? 0));
        const next = (moved << 1) | carry | stay;
        carry = (moved >>> (STATES_PER_WORD - 1)) & 1;
        states[word] = next & WORD;
        alive |= states[word] ?? 0;
      }
      if (alive === 0) return false;
      this.#close(states);
    }
    return (((states[words - 1] ?? 0) >>> (this.#final % STATES_PER_WORD)) & 1) === 1;
  }

  /** A star may stand for nothing. Two never stand together, so one step is enough. */
  #close(states: Int32Array): void {
    let carry = 0;
    for (let word = 0; word < this.#words; word++) {
      const old = states[word] ?? 0;
      const skipped = old & (this.#skips[word] ?? 0);
      states[word] = (old | (skipped << 1) | carry) & WORD;
      carry = (skipped >>> (STATES_PER_WORD - 1)) & 1;
    }
  }
}

const WORD = 0x7fffffff;

function set(words: Int32Array, state: number): void {
  const word = Math.floor(state / STATES_PER_WORD);
  words[word] = (words[word] ?? 0) | (1 << (state % STATES_PER_WORD));
}

/** Runs of stars become one: `**` where they hold more than one star. */
function tokenise(pattern: string): readonly string[] {
  return pattern.match(/\*+|[^*]/gsu)?.map((token) => (token.length > 1 && token.startsWith('*') ? '**' : token)) ?? [];
}
