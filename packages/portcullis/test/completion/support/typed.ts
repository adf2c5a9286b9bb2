import assert from 'node:assert/strict';
import { run } from '../../cli/support/run.js';

/** A terminal with a shell in it: each line is typed, then the key for completion, then enter. What it prints comes out. */
const DRIVER = `
import json, os, pty, select, sys, time
shell, lines, cwd = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
pid, fd = pty.fork()
if pid == 0:
    os.chdir(cwd)
    os.environ.update({'TERM': 'dumb', 'PS1': '', 'HOME': cwd, 'LC_ALL': 'C'})
    os.execv(shell[0], shell)
seen = b''
def wait(what, limit=30):
    global seen
    end = time.time() + limit
    while what not in seen:
        if time.time() > end or not select.select([fd], [], [], end - time.time())[0]: sys.exit('no ' + repr(what) + ' in ' + repr(seen))
        try: seen += os.read(fd, 65536)
        except OSError: sys.exit('ended: ' + repr(seen))
for index, (text, key) in enumerate(lines):
    os.write(fd, text.encode() + (b'\\t' if key else b'') + b'\\r')
    mark = b'done-' + str(index).encode()
    os.write(fd, b'echo do""ne-' + str(index).encode() + b'\\r')
    wait(mark)
os.kill(pid, 9)
sys.stdout.write(seen.decode('utf8', 'replace'))
`;

/**
 * What `portcullis` is called with after each line was typed, completed and sent.
 * @param setUp lines that are not completed: they make completion known
 */
export async function calledWith(shell: readonly string[], cwd: string, setUp: readonly string[], typed: readonly string[]): Promise<readonly string[]> {
  const call = 'portcullis() { printf "called:%s\\n" "$*"; }';
  const lines = [...[call, ...setUp].map((text) => [text, false]), ...typed.map((text) => [text, true])];
  const { code, stdout, stderr } = await run('/usr/bin/python3', ['-c', DRIVER, JSON.stringify(shell), JSON.stringify(lines), cwd]);
  assert.equal(code, 0, stderr);
  return [...stdout.matchAll(/^called:([^\r\n]*)/gm)].map(([, args = '']) => args.trim());
}
