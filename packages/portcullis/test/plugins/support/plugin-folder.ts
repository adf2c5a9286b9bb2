import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Folder } from '../../cli/support/folder.js';

/** A plugin that knows the team of everybody, from its options. Without imports, so that it loads from any folder. */
export const TEAM = `
const ATTESTOR = Symbol.for('portcullis.attestor');
export function register(registrar, options) {
  const { team = 'platform', down = false, ...rest } = options;
  if (typeof team !== 'string' || Object.keys(rest).length > 0) throw Object.assign(new Error('\`team\` must be text, and nothing else is known'), { code: 'PLUGIN_OPTIONS' });
  registrar.register(ATTESTOR, { useValue: {
    name: 'team',
    selectors: [{ key: 'team:name', value: { type: 'text' }, many: true, trust: 'derived', cost: 'proc', principal: true, summary: 'teams of the user', example: 'platform' }],
    attest: (peer, wanted) => new Map([...wanted].map((key) => [key, down ? { state: 'unknown', why: 'service-down' } : { state: 'present', values: [team] }])),
  } });
}
`;

/** A folder of one test with plugins in it. */
export class PluginFolder extends Folder {
  /** Writes files below the folder, making folders as needed. */
  add(files: Readonly<Record<string, string>>): this {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.at(name)), { recursive: true });
      writeFileSync(this.at(name), text);
    }
    return this;
  }

  /** A package with one module. */
  addPackage(folder: string, source: string, manifest: Readonly<Record<string, unknown>> = {}): this {
    return this.add({
      [join(folder, 'package.json')]: JSON.stringify({ name: 'team', version: '1.0.0', type: 'module', exports: './index.js', ...manifest }),
      [join(folder, 'index.js')]: source,
    });
  }

  gateway(plugins: string): string {
    return this.write('gateway.yaml', [
      'apiVersion: portcullis/v1', 'kind: Gateway', `plugins: ${plugins}`, 'listeners:',
      `  - { name: front, listen: { path: ${this.at('g.sock')} }, upstream: "unix:${this.at('up.sock')}", policy: p.yaml, collect: [team:name] }`, '',
    ].join('\n'));
  }
}
