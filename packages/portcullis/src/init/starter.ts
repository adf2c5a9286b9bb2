import { yamlText } from './yaml-text.js';

/** What the files are made for. */
export interface Starter {
  readonly platform: 'linux' | 'darwin';
  /** Who may come in first. */
  readonly uid: number;
  /** Absolute: where the gateway listens, and whom it stands before. */
  readonly socket: string;
  readonly upstream: string;
}

/** Beside the files: what editors complete and check by. */
export const SCHEMA_FILE = 'portcullis.schema.json';

const FOR_THE_EDITOR = `# yaml-language-server: $schema=./${SCHEMA_FILE}`;

/** Processes that speak for another: what each platform can tell of them. */
const TRACED = {
  linux: {
    rule: 'no-tracers', key: 'linux:tracer', when: '{ exists: true }', somebody: '4711', nobody: 'null', reason: 'a traced process speaks for its tracer',
    comment: ['# A process that is traced speaks for its tracer. A deny stands before every allow, and it denies', '# also where nobody can tell whether it matches.'],
  },
  darwin: {
    rule: 'no-debuggers', key: 'darwin:debugged', when: 'true', somebody: 'true', nobody: 'false', reason: 'a debugged process speaks for its debugger',
    comment: ['# A process that is debugged speaks for its debugger. A deny stands before every allow, and it denies', '# also where nobody can tell whether it matches.'],
  },
} as const;

/** The files of `portcullis init`, by name. Pure: nothing is looked at or written here. */
export function starterFiles(starter: Starter): ReadonlyMap<string, string> {
  return new Map([['policy.yaml', policy(starter)], ['policy.test.yaml', test(starter)], ['gateway.yaml', gateway(starter)]]);
}

function policy({ platform, uid }: Starter): string {
  const traced = TRACED[platform];
  return `${FOR_THE_EDITOR}
#
# Who may come through. Order has no meaning: a deny stands before every allow, and who is not allowed is refused.
#
#   portcullis check policy.yaml         is it sound?
#   portcullis test policy.test.yaml     does it decide as its tests say?
#   portcullis inspect --pid 4711        what does a process look like to it? these are the keys to write rules with
#   portcullis suggest --pid 4711        a rule for that process
apiVersion: portcullis/v1
kind: AdmissionPolicy
metadata:
  name: starter

# Conditions with a name. A rule takes one by \`use\`.
sets:
  people:
    unix:uid: { range: [1000, 59999] }

rules:
  ${traced.comment.join('\n  ')}
  - id: ${traced.rule}
    effect: deny
    when:
      ${traced.key}: ${traced.when}
    reason: ${traced.reason}

  # Who ran \`portcullis init\`. What a rule grants is handed to the application, and ends in the record.
  - id: owner
    effect: allow
    when:
      unix:uid: ${String(uid)}
    grant: { role: admin }

  # Everything in one \`when\` has to hold: a user from the set, and a group. In shadow a rule is evaluated and recorded, and
  # nothing depends on it: take \`mode\` away once the records say that it lets in whom it should.
  - id: staff
    effect: allow
    mode: shadow
    when:
      use: people
      unix:supplementary_gid: 27
    grant: { role: reader }
`;
}

function test({ platform, uid }: Starter): string {
  const { rule, key, somebody, nobody } = TRACED[platform];
  const person = uid === 1000 ? 1001 : 1000;
  return `${FOR_THE_EDITOR}
#
# What is to become of whom. \`portcullis test policy.test.yaml\` tells where the policy says otherwise, and why.
apiVersion: portcullis/v1
kind: PolicyTest
policy: ./policy.yaml
clock: 2026-11-23T09:00:00Z

# A key that is not mentioned is unknown; ${platform === 'linux' ? '`null` is known to be absent' : '`null` would be known to be absent'}.
peers:
  owner:
    unix:uid: ${String(uid)}
    unix:supplementary_gid: null
    ${key}: ${nobody}
  colleague:
    unix:uid: ${String(person)}
    unix:supplementary_gid: [4, 27]
    ${key}: ${nobody}

cases:
  - name: the owner comes in, as admin
    peer: owner
    expect: { decision: allow, rule: owner, grant: { role: admin } }
  - name: not while another process speaks for them
    peer: { from: owner, ${key}: ${somebody} }
    expect: { decision: deny, rule: ${rule} }
  - name: nor while nobody can tell whether one does
    peer: { from: owner, unknown: ["${key}"] }
    expect: { decision: deny, cause: unknown-evidence }
  - name: a colleague does not come in yet, and would
    peer: colleague
    expect: { decision: deny, cause: default, shadow: [staff] }
  - name: one who is not in the group would not
    peer: { from: colleague, unix:supplementary_gid: [4] }
    expect: { decision: deny, shadow: [] }
  - name: nor would one of the system's own users
    peer: { from: colleague, unix:uid: ${uid === 999 ? '998' : '999'} }
    expect: { decision: deny, shadow: [] }

# What holds for every peer, on every listener, at all times: decided, and not sampled.
properties:
  - name: nobody comes in while another process speaks for them
    never: { decision: allow, where: { ${key}: ${TRACED[platform].when} } }

coverage: { rules: 100, branches: 100 }
`;
}

function gateway({ socket, upstream }: Starter): string {
  return `${FOR_THE_EDITOR}
#
# Stands before a service: clients connect to \`listen\`, and who is admitted is passed on to \`upstream\`. The service's own
# socket has to be out of everybody else's reach.
#
#   portcullis check gateway.yaml        are this file and its policy sound?
#   portcullis doctor                    what can this host attest?
#   portcullis serve gateway.yaml        one line of JSON for each connection, on stdout
apiVersion: portcullis/v1
kind: Gateway
metadata:
  name: starter
listeners:
  - name: app
    listen:
      # In earnest: a folder of the gateway's own, such as /run/portcullis.
      path: ${yamlText(socket)}
      # Who may connect at all; the policy decides who of them comes through.
      mode: 0600
    upstream: ${yamlText(`unix:${upstream}`)}
    policy: ./policy.yaml
    # Have to hold before the policy takes effect, at start and whenever a file changes.
    tests: [./policy.test.yaml]
    # Wanted in the record of each connection, whether a rule asks for it or not.
    collect: ["unix:path"]
    # Everyone is admitted, and the record says what would have been decided: to begin with, before a service that runs.
    # observe: true
`;
}
