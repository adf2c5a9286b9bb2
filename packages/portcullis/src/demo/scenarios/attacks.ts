import { chmodSync, chownSync, existsSync } from 'node:fs';
import type { Built } from '../build.js';
import { by, type Command } from '../command.js';
import { NotHere } from '../not-here.js';
import { deniedBy, unmatched, type Scenario, type Stage } from '../scenario.js';

const STRACE = '/usr/bin/strace';

/** What any user can do to a program of his own: most of it wants a compiler. */
export function attacks(stage: Stage): readonly Scenario[] {
  const { honest } = stage.clients;
  const uid = stage.people.user;
  const { name } = honest;
  return [
    {
      name: 'memfd', peer: `${name}, run from memory (memfd)`,
      plan: () => ({ command: by(built(stage, 'memfd'), [], honest.visit('memfd')), uid, expected: deniedBy('no-lost-programs'), tell: ['unix:exe-state'] }),
    },
    {
      name: 'preload', peer: `${name} with a preloaded library`,
      plan: () => ({ command: { ...honest.visit('preload'), env: { LD_PRELOAD: usersLibrary(stage) } }, uid, expected: unmatched('unix:path') }),
    },
    {
      name: 'traced', peer: `${name} under a tracer`,
      plan: () => ({ command: traced(stage, honest.visit('traced')), uid, expected: deniedBy('no-tracers'), tell: ['linux:tracer'] }),
    },
    forger(stage, 'forged', `a forger whose exe link says ${name}`, 'hidden'),
    forger(stage, 'mapped', `the forger with ${name} mapped as well`, 'mapped'),
  ];
}

function forger(stage: Stage, name: string, peer: string, form: 'hidden' | 'mapped'): Scenario {
  const { workspace, clients, people } = stage;
  return {
    name, peer,
    plan: () => ({
      command: { path: built(stage, 'forge'), args: [workspace.gate, name, clients.honest.path, form], input: '' },
      uid: people.user, expected: unmatched('unix:path'),
    }),
  };
}

function built({ builder }: Stage, name: Built): string {
  const path = builder.find(name);
  if (path === undefined) throw new NotHere(builder.why(name));
  return path;
}

/** A library that the peer's user could have written; what only root can write is as good as the system's own. */
function usersLibrary(stage: Stage): string {
  const library = built(stage, 'preload');
  const { user } = stage.people;
  if (process.geteuid?.() === 0) chownSync(library, user, user);
  if (user === 0) chmodSync(library, 0o666);
  return library;
}

/** By our own tracer, else by strace. */
function traced({ builder }: Stage, command: Command): Command {
  const tracer = builder.find('traced');
  if (tracer !== undefined) return by(tracer, [], command);
  if (existsSync(STRACE)) return by(STRACE, ['-D', '-q', '-o', '/dev/null', '-e', 'trace=none'], command);
  throw new NotHere(`${builder.why('traced')}, and no ${STRACE}`);
}
