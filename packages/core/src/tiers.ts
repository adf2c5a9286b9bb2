/** How much a fact is worth, strongest first. The order is the contract: `requires:` compares by it. */
export const TRUST_TIERS = [
  /** Frozen by the kernel when the connection was made (SO_PEERCRED, SO_PEERGROUPS, SO_PEERSEC). */
  'kernel-connect',
  /** Asked of the kernel about the pinned process, then verified. */
  'kernel-live',
  /** Computed from those: an anchored container id, a system unit. */
  'derived',
  /** True of an honest process, forgeable with effort by its own user: exe path and digest whose mappings agree. */
  'image',
  /** The same, beside code that only the process can vouch for: a JIT's memory, a user-writable library. */
  'image-unverified',
  /** Can be raced or shared: a process's ancestry, lsof output, a loopback port. */
  'heuristic',
  /** The peer can write it: environment, argv, comm. */
  'peer-asserted',
] as const;

export type TrustTier = (typeof TRUST_TIERS)[number];

/** What it costs to learn a fact, cheapest first. The engine asks in this order. */
export const COST_TIERS = [
  /** A socket option. */
  'socket',
  /** A few small reads below /proc. */
  'proc',
  /** Reads a whole file. */
  'digest',
  /** Asks another service. */
  'remote',
] as const;

export type CostTier = (typeof COST_TIERS)[number];

const TRUST_RANK: ReadonlyMap<string, number> = new Map(TRUST_TIERS.map((tier, rank) => [tier, rank]));
const COST_RANK: ReadonlyMap<string, number> = new Map(COST_TIERS.map((tier, rank) => [tier, rank]));

export function isTrustTier(text: string): text is TrustTier {
  return TRUST_RANK.has(text);
}

/** 0 is the strongest. */
export function trustRank(tier: TrustTier): number {
  return TRUST_RANK.get(tier) ?? TRUST_TIERS.length;
}

/** 0 is the cheapest. */
export function costRank(tier: CostTier): number {
  return COST_RANK.get(tier) ?? COST_TIERS.length;
}

/** Whether evidence of `tier` is good enough where `weakest` is the weakest that will do. */
export function trustSuffices(tier: TrustTier, weakest: TrustTier): boolean {
  return trustRank(tier) <= trustRank(weakest);
}

/** The one of `tiers` that is worth least. */
export function weakestTier(first: TrustTier, ...others: readonly TrustTier[]): TrustTier {
  return others.reduce((least, tier) => (trustRank(tier) > trustRank(least) ? tier : least), first);
}
