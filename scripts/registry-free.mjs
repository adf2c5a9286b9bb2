// No file of this repository names the host of a package registry or of a mirror: where packages come from is the
// business of who installs them, and their npm is told elsewhere. Also a program: `node scripts/registry-free.mjs`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryFiles } from './lib/git.mjs';
import { ROOT } from './lib/workspaces.mjs';

/** Spelled without dots, so that this file keeps the rule. */
const HOSTS = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['npm', 'pkg', 'github', 'com'],
  ['raw', 'githubusercontent', 'com'],
  ['objects', 'githubusercontent', 'com'],
  ['codeload', 'github', 'com'],
  ['files', 'pythonhosted', 'org'],
  ['unpkg', 'com'],
  ['cdn', 'jsdelivr', 'net'],
  ['esm', 'sh'],
].map((labels) => labels.join('.'));

/** A first label under which registries and mirrors live. */
const FIRST_LABELS = ['registry', 'mirrors?', 'deb', 'archive', 'security', 'ports', 'artifactory', 'nexus', 'verdaccio'];
const GENERIC = new RegExp(`\\b(?:${FIRST_LABELS.join('|')})(?:\\.[a-z0-9-]+)+\\.(?:org|com|net|io|dev|cn)\\b`, 'i');

const escaped = (host) => host.replaceAll('.', '\\.');
const KNOWN = new RegExp(`(?<![a-z0-9.-])(?:[a-z0-9-]+\\.)*(?:${HOSTS.map(escaped).join('|')})(?![a-z0-9-])`, 'i');

/** `registry = …` in an .npmrc, `"registry": "…"` in a manifest. */
const SETTING = /^\s*(?:@[\w-]+:)?registry\s*=|"registry"\s*:\s*"/;

/** A place that an entry of package-lock.json was fetched from; a workspace's folder is none. */
const RESOLVED = /"resolved"\s*:\s*"(?:https?|git|git\+\w+|ssh|file):/;

/** What is wrong with one file, as `path:line: what`. */
export function namesRegistry(path, text) {
  const found = [];
  const isManifest = /(^|\/)(package(-lock)?\.json|lerna\.json|\.npmrc|\.yarnrc(\.yml)?)$/.test(path);
  text.split('\n').forEach((line, index) => {
    const host = KNOWN.exec(line)?.[0] ?? GENERIC.exec(line)?.[0];
    if (host !== undefined) found.push(`${path}:${index + 1}: names the host ${host}`);
    if (isManifest && SETTING.test(line)) found.push(`${path}:${index + 1}: sets a registry`);
    if (path.endsWith('package-lock.json') && RESOLVED.test(line)) {
      found.push(`${path}:${index + 1}: says where a package was fetched from (omit-lockfile-registry-resolved)`);
    }
  });
  return found;
}

/** Every violation in the checkout at `root`. Binary files and those that are gone hold none. */
export async function registryNames(root = ROOT) {
  const found = [];
  for (const path of await repositoryFiles(root)) {
    const text = readOrEmpty(join(root, path));
    if (!text.includes('\0')) found.push(...namesRegistry(path, text));
  }
  return found;
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EISDIR') return ''; // deleted and not yet committed, or a submodule
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await registryNames(process.argv[2]);
  for (const line of found) process.stdout.write(`${line}\n`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
