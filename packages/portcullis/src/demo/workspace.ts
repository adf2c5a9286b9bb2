import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Cleanup } from './cleanup.js';

/** sun_path, less its NUL: peers connect by path. */
const MOST_PATH_BYTES = 107;

/** The folder of the demo. Others may pass through it, and see nothing in it, where peers of other users are to come. */
export class Workspace {
  readonly folder: string;
  /** The socket of the gate. */
  readonly gate: string;
  /** The socket of the service, in a folder that nobody else can enter: no way leads past the gate. */
  readonly service: string;
  readonly policy: string;
  /** Programs of the peers. */
  readonly programs: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.gate = join(folder, 'gate.sock');
    this.service = join(folder, 'private', 'service.sock');
    this.policy = join(folder, 'policy.yaml');
    this.programs = join(folder, 'peers');
  }

  static make(others: boolean, cleanup: Cleanup): Workspace {
    const base = realpathSync(tmpdir());
    const folder = mkdtempSync(join(others && !isPassable(base) ? '/tmp' : base, 'portcullis-demo-'));
    cleanup.add(() => { rmSync(folder, { recursive: true, force: true }); });
    const made = new Workspace(folder);
    if (Buffer.byteLength(made.service) > MOST_PATH_BYTES) {
      throw new Error(`the path of a socket in \`${folder}\` is longer than ${String(MOST_PATH_BYTES)} bytes: set TMPDIR to a shorter one, such as /tmp`);
    }
    mkdirSync(join(folder, 'private'), { mode: 0o700 });
    mkdirSync(made.programs);
    chmodSync(made.programs, others ? 0o755 : 0o700); // whatever the umask is
    chmodSync(folder, others ? 0o711 : 0o700);
    return made;
  }

  program(name: string): string {
    return join(this.programs, name);
  }

  /** A copy of a program under another name, for everybody to run. */
  copy(program: string, name: string): string {
    const made = this.program(name);
    copyFileSync(program, made);
    chmodSync(made, 0o755);
    return made;
  }
}

/** Whether every user may pass through a folder and all above it. */
function isPassable(folder: string): boolean {
  return (statSync(folder).mode & 0o001) !== 0 && (folder === '/' || isPassable(dirname(folder)));
}
