// What git knows of the checkout.
import { ROOT } from './workspaces.mjs';
import { Skip, execute, must } from './run.mjs';

/** CI checks out as one user and runs as root: git refuses a foreign checkout unless it is told that this one is meant. */
const git = (root, args) => ['-c', `safe.directory=${root}`, '-C', root, ...args];

/** Files that are tracked, or would be: new ones count before they are committed. */
export async function repositoryFiles(root = ROOT) {
  const listing = await execute('git', git(root, ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']));
  if (listing.code !== 0) throw new Skip('not a git checkout');
  return listing.stdout.split('\0').filter((path) => path !== '');
}

/** Whether nothing is changed, staged or new; undefined outside a git checkout. */
export async function isTreeClean(root = ROOT) {
  const status = await execute('git', git(root, ['status', '--porcelain']));
  return status.code === 0 ? status.stdout === '' : undefined;
}

/** What differs from the last commit, new files by name. */
export async function treeChanges(root = ROOT) {
  const { stdout: status } = await must('git', git(root, ['status', '--porcelain']));
  const { stdout: diff } = await must('git', git(root, ['diff', 'HEAD']));
  return `${status}${diff}`;
}
