/** What a document may cost at most (T22). */
export interface DocumentLimits {
  /** Bytes of one file. */
  readonly maxBytes: number;
  /** Tokens of one file: words, brackets, blanks, ends of lines. */
  readonly maxTokens: number;
  /** UTF-16 units of one text: what is longer says nothing that a policy has to say. */
  readonly maxText: number;
  /** Levels of lists and mappings. */
  readonly maxDepth: number;
  /** Aliases in one file. */
  readonly maxAliases: number;
  /** Nodes that aliases stand for, all aliases written out. */
  readonly maxAliasNodes: number;
}

/**
 * 32 MiB are some 300,000 rules; the YAML library needs about 0.7 µs a byte, and 8 µs for the worst input found. Its memory goes
 * with the tokens, a quarter of a kilobyte for each, so that these are counted beside the bytes.
 */
export const DEFAULT_LIMITS: DocumentLimits = Object.freeze({
  maxBytes: 32 * 1024 * 1024,
  maxTokens: 6_000_000,
  maxText: 65_536,
  maxDepth: 64,
  maxAliases: 1000,
  maxAliasNodes: 100_000,
});
