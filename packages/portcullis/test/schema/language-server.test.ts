// The real YAML language server, with the schema that the real command prints: what an editor shows to who writes a policy.
import assert from 'node:assert/strict';
import { portcullisProcess as portcullis } from '../cli/support/run.js';
import { PluginFolder, TEAM } from '../plugins/support/plugin-folder.js';
import { LanguageServer, type Diagnostic } from './support/language-server.js';

const HEAD = '# yaml-language-server: $schema=./portcullis.schema.json\napiVersion: portcullis/v1\n';
const POLICY = `${HEAD}kind: AdmissionPolicy\nrules:\n  - id: x\n    effect: allow\n`;
const TEST = `${HEAD}kind: PolicyTest\npolicy: ./p.yaml\nclock: 2026-11-23T09:00:00Z\n`;
const GATEWAY = `${HEAD}kind: Gateway\nlisteners:\n  - name: docker\n    listen: { path: /run/a.sock }\n    policy: p.yaml\n`;

/** `line:column` of what is marked, counted from 1, and what is said there. */
function marks(found: readonly Diagnostic[]): readonly string[] {
  return found.map(({ message, range: { start } }) => `${String(start.line + 1)}:${String(start.character + 1)} ${message}`);
}

describe('in an editor with the YAML language server', function () {
  this.timeout(60_000);
  let folder: PluginFolder;
  let server: LanguageServer;
  let files = 0;
  const name = (): string => `${String(++files)}.yaml`;

  before(async () => {
    folder = new PluginFolder();
    folder.addPackage('team', TEAM);
    const { code, stdout, stderr } = await portcullis(['schema', '--platform', 'linux', '--plugin', folder.at('team')]);
    assert.equal(code, 0, stderr);
    folder.write('portcullis.schema.json', stdout);
    server = await LanguageServer.start(folder.path);
  });
  after(() => {
    server.stop();
    folder.remove();
  });

  it('a policy, a test and a gateway file that are right have no mark', async () => {
    const policy = `${POLICY}    when: { unix:uid: { range: [1, 5] }, unix:path: { glob: "/opt/*" }, team:name: [a, b], env:CI: "true" }\n    requires: peer-asserted\n`;
    const test = `${TEST}peers: { a: { unix:uid: 5, team:name: [a], linux:tracer: null } }\ncases: [{ name: a comes in, peer: { from: a, unknown: [linux:tracer] }, expect: { decision: allow } }]\n`;
    const gateway = `${GATEWAY}    upstream: unix:/run/b.sock\n    collect: [team:name, unix:path]\n`;
    for (const text of [policy, test, gateway]) assert.deepEqual(marks(await server.open(name(), text)), []);
  });

  it("the keys of attestors are offered, a third party's too", async () => {
    for (const text of [`${POLICY}    when:\n      un|`, `${POLICY}    when: { unix:uid: 5, u| }`, `${POLICY}    limit: { key: [u|] }`, `${TEST}peers:\n  a:\n    u|`, `${GATEWAY}    collect: [t|]`]) {
      const offered = await server.complete(name(), text);
      for (const key of ['unix:path', 'systemd:unit', 'team:name']) assert.ok(offered.includes(key), `${key} in ${offered.join(', ')} of ${text}`);
    }
  });

  it('words, operators and values are offered where they may stand', async () => {
    const offered = (text: string): Promise<readonly string[]> => server.complete(name(), text);
    for (const word of ['when', 'listeners', 'limit', 'grant']) assert.ok((await offered(`${POLICY}    w|`)).includes(word), word);
    assert.deepEqual(await offered(`${HEAD}kind: AdmissionPolicy\nrules:\n  - effect: |`), ['allow', 'deny']);
    assert.deepEqual([...await offered(`${POLICY}    when: { unix:uid: { r| } }`)].sort(), ['exists', 'in', 'not', 'range']);
    assert.ok((await offered(`${POLICY}    when: { team:name: { g| } }`)).includes('glob'));
    assert.ok((await offered(`${POLICY}    when:\n      unix:image: |`)).includes('verified'));
    assert.ok((await offered(`${GATEWAY}    u|`)).includes('upstream'));
    assert.deepEqual(await offered(`${HEAD}kind: |`), ['AdmissionPolicy', 'PolicyTest', 'Gateway']);
  });

  it('a key says what it means and what it is worth', async () => {
    const plain = (text: string): string => text.replaceAll('\\', '');
    assert.match(plain(await server.hover(name(), `${POLICY}    when: { team:n|ame: a }`)), /teams of the user \(trust: derived; cost: proc; may have several values\)/);
    assert.match(plain(await server.hover(name(), `${POLICY}    requi|res: image`)), /the weakest trust tier that will do/);
  });

  it('what is wrong is marked where it stands', async () => {
    const wrong = async (text: string, place: RegExp): Promise<void> => {
      const found = marks(await server.open(name(), text));
      assert.ok(found.length === 1 && place.test(found[0] ?? ''), `${text}: ${found.join('; ')}`);
    };
    await wrong(`${POLICY}    when: { unix:uuid: 5 }\n`, /^7:13 Property unix:uuid is not allowed/);
    await wrong(`${POLICY}    when: { team:nam: a }\n`, /^7:13 Property team:nam is not allowed/);
    await wrong(`${POLICY}    when: { unix:uid: root }\n`, /^7:23 .*integer/);
    await wrong(`${POLICY}    when: { unix:path: bin/x }\n`, /^7:24 expected an absolute path/);
    await wrong(`${POLICY}    when: { team:name: { range: [1, 2] } }\n`, /^7:26 Property range is not allowed/);
    await wrong(`${POLICY}    when: { all: ["unix:uid:5", "unix:uuid:5"] }\n`, /^7:33 expected `source:kind:value`/);
    await wrong(`${POLICY}    when: { unix:uid: 5 }\n    mode: shadwo\n`, /^8:11 .*"enforce", "shadow"/);
    await wrong(`${TEST}peers: { a: { unix:uuid: 5 } }\n`, /^6:15 Property unix:uuid is not allowed/);
    await wrong(`${GATEWAY}    upstream: unix:/run/b.sock\n    observed: true\n`, /^9:5 Property observed is not allowed/);
    await wrong(`${GATEWAY}    upstream: docker:2375\n`, /^8:15 expected `unix:\/absolute\/path` or `tcp:ADDRESS:PORT`/);
  });
});
