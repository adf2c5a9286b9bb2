import { resolve } from 'node:path';
import { ALL, Builder } from './build.js';
import { Cgroups } from './cgroups.js';
import type { Cleanup } from './cleanup.js';
import { findClients } from './clients.js';
import { findPeople } from './people.js';
import type { DemoOptions } from './options.js';
import { ownPolicy, writePolicy } from './policy-file.js';
import type { Stage } from './scenario.js';
import type { Out } from './show/out.js';
import { Workspace } from './workspace.js';

/** Finds out what this machine has, and makes what the demo needs. */
export async function prepareStage({ observe, policy: own }: Pick<DemoOptions, 'observe' | 'policy'>, out: Out, cleanup: Cleanup, stop: AbortSignal): Promise<Stage> {
  const people = findPeople();
  const workspace = Workspace.make(people.stranger !== undefined, cleanup);
  const builder = new Builder(workspace);
  for (const name of ALL) {
    stop.throwIfAborted();
    if (builder.compiler !== undefined) out.progress(`  building ${name} with ${builder.compiler} …`);
    await builder.build(name);
  }
  out.progress('  looking for the best client that this machine has …');
  const clients = await findClients(workspace, builder, people.user);
  const policy = own === undefined ? await writePolicy(workspace.policy, people, clients) : await ownPolicy(resolve(own), clients);
  out.endProgress();
  return { workspace, people, clients, builder, cgroups: new Cgroups(cleanup), policy, observe };
}
