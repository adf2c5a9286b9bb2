import type { SelectorDefinition } from '@portcullis/core';

/** 0xffffffff is no id. */
const MAX_ID = 0xffff_fffe;

/**
 * The keys that this package is for, so that a policy that names them type-checks. None can be established yet: see
 * `capabilities`. The ids are frozen at connect (LOCAL_PEERCRED). The path is that of the last process which used the
 * socket, a fact that can be raced or shared, and gets no better tier than that before somebody has shown why (T23).
 */
export const DARWIN_SELECTORS: readonly SelectorDefinition[] = Object.freeze([
  {
    key: 'unix:uid',
    value: { type: 'uint', max: MAX_ID },
    many: false,
    trust: 'kernel-connect',
    cost: 'socket',
    summary: 'Effective user id when the connection was made',
    example: 501,
    principal: true,
  },
  {
    key: 'unix:gid',
    value: { type: 'uint', max: MAX_ID },
    many: false,
    trust: 'kernel-connect',
    cost: 'socket',
    summary: 'Effective group id when the connection was made',
    example: 20,
    principal: true,
  },
  {
    key: 'unix:supplementary_gid',
    value: { type: 'uint', max: MAX_ID },
    many: true,
    trust: 'kernel-connect',
    cost: 'socket',
    summary: 'Group ids when the connection was made, 16 at most',
    example: 80,
    principal: true,
  },
  {
    key: 'unix:path',
    value: { type: 'path' },
    many: false,
    trust: 'heuristic',
    cost: 'proc',
    summary: 'Path of the executable of the last process that used the socket',
    example: '/usr/bin/ssh',
    program: true,
  },
] as const satisfies readonly SelectorDefinition[]);
