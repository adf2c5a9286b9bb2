/** A registration entry as `spire-server entry show -output json` prints it (spire.api.types.Entry, proto3 JSON). */
export interface SpireEntry {
  /** For messages and annotations; empty where the file has none. */
  readonly id: string;
  readonly spiffeId: string;
  readonly parentId: string;
  readonly selectors: readonly SpireSelector[];
  /** Seconds since the epoch; 0 is never. */
  readonly expiresAt: number;
  readonly federatesWith: readonly string[];
  readonly dnsNames: readonly string[];
  readonly hint: string;
  readonly admin: boolean;
  readonly downstream: boolean;
  readonly storeSvid: boolean;
  /** Fields that we do not know and that say something: a newer SPIRE may restrict an entry by one. */
  readonly strange: readonly string[];
}

export interface SpireSelector {
  readonly type: string;
  readonly value: string;
}

/** `unix:uid:1000`, as SPIRE's command takes it. */
export function spellSelector({ type, value }: SpireSelector): string {
  return `${type}:${value}`;
}

/** The parent of entries that describe nodes, not workloads. */
export function isNodeEntry({ parentId }: SpireEntry): boolean {
  return /^spiffe:\/\/[^/]+\/spire\/server$/.test(parentId);
}
