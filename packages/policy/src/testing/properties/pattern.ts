import type { Matcher } from '../../source/condition.js';

/** Where a pattern may stand after some text: one bit a position. 0 is nowhere: no text that goes on so can match. */
export type Positions = bigint;

/**
 * A glob, a prefix or one text as a machine that reads a code point at a time. `Glob` answers whether a text matches; this
 * is for finding texts that do. The language of both is the same, and a test holds them together.
 */
export class Pattern {
  readonly start: Positions;
  readonly #final: Positions;
  /** Positions that a code point moves on. */
  readonly #moves = new Map<string, Positions>();
  readonly #wildcards: Positions;
  /** Positions of `*` and `**`, which stay, and may be left for nothing. */
  readonly #stars: Positions;
  readonly #globstars: Positions;

  private constructor(tokens: readonly Token[]) {
    let [wildcards, stars, globstars] = [0n, 0n, 0n];
    tokens.forEach((token, index) => {
      const bit = 1n << BigInt(index);
      if (token === ANY) wildcards |= bit;
      else if (token === STAR) stars |= bit;
      else if (token === GLOBSTAR) globstars |= bit;
      else this.#moves.set(token, (this.#moves.get(token) ?? 0n) | bit);
    });
    this.#wildcards = wildcards;
    this.#stars = stars;
    this.#globstars = globstars;
    this.#final = 1n << BigInt(tokens.length);
    this.start = this.#close(1n);
  }

  /** Of a matcher that looks at text; undefined for all others. */
  static of(matcher: Matcher): Pattern | undefined {
    if (matcher.op === 'glob') return new Pattern(tokensOf(matcher.glob.pattern));
    return matcher.op === 'prefix' ? new Pattern([...Array.from(matcher.prefix), GLOBSTAR]) : undefined;
  }

  /** The code points that it names. */
  get named(): Iterable<string> {
    return this.#moves.keys();
  }

  next(positions: Positions, point: string): Positions {
    const slash = point === '/';
    const moved = positions & ((this.#moves.get(point) ?? 0n) | (slash ? 0n : this.#wildcards));
    const stay = positions & (this.#globstars | (slash ? 0n : this.#stars));
    return this.#close((moved << 1n) | stay);
  }

  accepts(positions: Positions): boolean {
    return (positions & this.#final) !== 0n;
  }

  /** Stars never stand side by side, so one step is enough. */
  #close(positions: Positions): Positions {
    return positions | ((positions & (this.#stars | this.#globstars)) << 1n);
  }
}

const ANY = Symbol('?');
const STAR = Symbol('*');
const GLOBSTAR = Symbol('**');
type Token = string | typeof ANY | typeof STAR | typeof GLOBSTAR;

function tokensOf(pattern: string): readonly Token[] {
  return (pattern.match(/\*+|[^*]/gsu) ?? []).map((text) => (text === '*' ? STAR : text.startsWith('*') ? GLOBSTAR : text === '?' ? ANY : text));
}
