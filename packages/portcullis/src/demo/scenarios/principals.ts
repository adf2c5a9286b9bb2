import { move } from '../cgroups.js';
import { NotHere } from '../not-here.js';
import type { People } from '../people.js';
import { unmatched, type Expected, type Scenario, type Stage } from '../scenario.js';

/** The honest program in somebody else's hands: only root can show it. */
export function principals(stage: Stage): readonly Scenario[] {
  const { clients: { honest }, policy: { container }, people } = stage;
  const stranger = people.stranger === undefined ? 'another user' : `uid ${String(people.stranger)}`;
  const job = people.jobs === undefined ? 'another user' : `uid ${String(people.jobs)}`;
  return [
    {
      name: 'stranger', peer: `${honest.name} of ${stranger}`,
      plan: () => ({ command: honest.visit('stranger'), uid: someone(people.stranger, people), expected: unmatched('unix:uid') }),
    },
    {
      name: 'container', peer: `${honest.name} of ${job} in a container's cgroup`,
      plan: () => inGroup(stage, 'container', ['docker', container], { decision: 'allow', causes: ['rule'], rule: 'container-job' }),
    },
    {
      name: 'lookalike', peer: `${honest.name} of ${job} in a cgroup that only looks like it`,
      plan: () => inGroup(stage, 'lookalike', ['user.slice', `portcullis-demo-${String(process.pid)}`, `docker-${container}.scope`], unmatched('container:id')),
    },
  ];
}

function inGroup(stage: Stage, name: string, path: readonly string[], expected: Expected): ReturnType<Scenario['plan']> {
  const uid = someone(stage.people.jobs, stage.people);
  const group = stage.cgroups.make(...path);
  return { command: stage.clients.honest.visit(name), uid, before: (pid) => { move(pid, group); }, expected };
}

function someone(uid: number | undefined, { why }: People): number {
  if (uid === undefined) throw new NotHere(why ?? 'no other user');
  return uid;
}
