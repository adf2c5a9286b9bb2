import { unlinkSync } from 'node:fs';
import { NotHere } from '../not-here.js';
import { ADMITTED, deniedBy, unmatched, type Scenario, type Stage } from '../scenario.js';

/** A name that clears a line, colours it and pretends to be somebody else (T21). */
const HOSTILE_NAME = 'x\u001b[2K\r\u001b[32mcurl (deleted)';

/** The same program in other places: nothing but node is needed. */
export function programs({ clients: { honest, node }, people: { user: uid }, workspace }: Stage): readonly Scenario[] {
  const { name } = honest;
  return [
    {
      name: 'honest', peer: `${name}, as the policy wants it`,
      plan: () => ({ command: honest.visit('honest'), uid, expected: ADMITTED }),
    },
    {
      name: 'copy', peer: `a copy of ${name} under another name`,
      plan: () => ({ command: honest.visit('copy', workspace.copy(honest.path, 'updater')), uid, expected: unmatched('unix:path') }),
    },
    {
      name: 'escape', peer: 'the copy with terminal escapes in its name',
      plan: () => ({ command: honest.visit('escape', workspace.copy(honest.path, HOSTILE_NAME)), uid, expected: unmatched('unix:path') }),
    },
    {
      name: 'deleted', peer: `a copy of ${name}, deleted while it runs`,
      plan: () => {
        const path = workspace.copy(honest.path, 'doomed');
        return { command: honest.visit('deleted', path), uid, before: () => { unlinkSync(path); }, expected: deniedBy('no-lost-programs'), tell: ['unix:exe-state'] };
      },
    },
    {
      name: 'node', peer: 'node, for which a rule is on trial',
      plan: () => {
        if (node === undefined) throw new NotHere(`uid ${String(uid)} may not run ${process.execPath}`);
        if (node === honest) throw new NotHere('node is the honest client here');
        return { command: node.visit('node'), uid, expected: unmatched('unix:path') };
      },
    },
    {
      name: 'gone', peer: `${name} that is gone at once`,
      plan: () => ({ command: honest.visitAndGo('gone'), uid, gone: true, expected: { decision: 'deny', causes: ['peer-lost', 'peer-refused'] } }),
    },
  ];
}
