/** What a document may cost at most (T22). */
export interface DocumentLimits {
  /** Bytes of one file. */
  readonly maxBytes: number;
  /** Levels of lists and mappings. */
  readonly maxDepth: number;
  /** Aliases in one file. */
  readonly maxAliases: number;
  /** Nodes that aliases stand for, all aliases written out. */
  readonly maxAliasNodes: number;
}

/** 2 MiB is some 20,000 rules; the YAML library needs about 0.7 µs a byte, and 8 µs for the worst input found. */
export const DEFAULT_LIMITS: DocumentLimits = Object.freeze({
  maxBytes: 2 * 1024 * 1024,
  maxDepth: 64,
  maxAliases: 1000,
  maxAliasNodes: 100_000,
});
