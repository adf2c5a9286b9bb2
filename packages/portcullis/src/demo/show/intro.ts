import { relative } from 'node:path';
import type { Gateway } from '../../gateway/gateway.js';
import type { ListeningEvent } from '../../records/gateway-event.js';
import { TEMPLATE } from '../policy-file.js';
import type { Stage } from '../scenario.js';
import type { Out } from './out.js';

const SHIPPED = 'packages/portcullis/demo/policy.yaml';

/** What there is, before anybody comes. */
export function showIntro(out: Out, stage: Stage, gateway: Gateway, listening: ListeningEvent | undefined): void {
  const { workspace, policy, clients, people } = stage;
  const { yellow } = out.colors;
  out.item('demo', `${workspace.folder}, below called <demo>; removed at the end`);
  out.item('service', 'a plain http server on a socket that nobody else can reach');
  out.item('gate', `<demo>/gate.sock, mode ${listening?.mode ?? '?'}; ${exceptions(listening)}`);
  out.item('policy', policy.own ? `${policy.file}, yours` : `<demo>/policy.yaml, made from ${relative(process.cwd(), TEMPLATE) === SHIPPED ? SHIPPED : TEMPLATE}`);
  out.item('client', `${clients.honest.path}, sha256 ${policy.digest.slice(0, 10)}…${clients.why === undefined ? '' : ` (${clients.why})`}`);
  const others = [people.stranger === undefined ? [] : `a stranger as ${String(people.stranger)}`, people.jobs === undefined ? [] : `jobs in containers as ${String(people.jobs)}`].flat();
  out.item('peers', [`run as uid ${String(people.user)}`, ...others].join(', '));
  out.print();
  if (stage.observe) {
    out.say('NOTE: OBSERVING ONLY: everybody is admitted, and the table says what would have been decided.', yellow);
    out.print();
  }
  if (clients.honest.tier !== 'image' && !policy.own) {
    out.say('NOTE: The honest client is node, which compiles to memory that only node itself can vouch for. The policy says `requires: image-unverified` for it: whoever can make a process look like that node comes through as well. With curl or a C compiler here, the demo would ask for more.', yellow);
    out.print();
  }
  if (people.stranger !== undefined) {
    out.say('NOTE: So that peers of another user can reach it, the socket is open to every user (0666) in a folder that every user may pass (0711). That is for this demo only: a gate is 0600 unless told.', yellow);
    out.print();
  }
  for (const warning of gateway.warnings) {
    out.say(policy.own ? 'Loading the policy warns:' : 'Loading the policy warns, as its comments explain:', yellow);
    showFindings(out, warning, workspace.folder);
    out.print();
  }
}

/** Findings of the policy with their code frames, which are cut and not wrapped. */
export function showFindings(out: Out, text: string, folder: string): void {
  for (const one of text.replaceAll(folder, '<demo>').split('\n')) out.print(one.length > out.width ? `${one.slice(0, out.width - 1)}…` : one);
}

function exceptions(listening: ListeningEvent | undefined): string {
  const needed = listening?.exceptions ?? [];
  return needed.length === 0 ? 'the safe listen needed no exception' : `EXCEPTIONS of the safe listen: ${needed.join(', ')}`;
}
