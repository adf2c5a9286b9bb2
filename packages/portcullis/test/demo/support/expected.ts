/** What comes of each peer where it can be shown: the golden table of the demo. */
export const EXPECTED: Readonly<Record<string, string>> = {
  honest: 'allow rule',
  copy: 'deny default',
  escape: 'deny default',
  deleted: 'deny rule',
  node: 'deny default',
  gone: 'deny peer-lost',
  memfd: 'deny rule',
  preload: 'deny default',
  traced: 'deny rule',
  forged: 'deny default',
  mapped: 'deny default',
  stranger: 'deny default',
  container: 'allow rule',
  lookalike: 'deny default',
};

/** Only root can show them. */
export const ROOTS = ['stranger', 'container', 'lookalike'] as const;
/** Only with a C compiler, though another tracer may be there. */
export const COMPILED = ['memfd', 'preload', 'forged', 'mapped'] as const;
