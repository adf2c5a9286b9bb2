import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one test: ours, and open to all eyes, so that other users reach sockets in it. */
export class Folder {
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'portcullis-cli-'));
    chmodSync(this.path, 0o755);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string | Uint8Array): string {
    writeFileSync(this.at(name), text);
    return this.at(name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A policy of rules as YAML flow mappings. */
export function policy(...rules: readonly string[]): string {
  return ['apiVersion: portcullis/v1', 'kind: AdmissionPolicy', 'rules:', ...rules.map((rule) => `  - ${rule}`), ''].join('\n');
}

export const ME = process.geteuid?.() ?? 0;
export const ALLOW_ME = `{ id: me, effect: allow, when: { unix:uid: ${String(ME)} } }`;
export const ALLOW_OTHER = `{ id: other, effect: allow, when: { unix:uid: ${String(ME + 4242)} } }`;
