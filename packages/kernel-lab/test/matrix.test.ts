import assert from 'node:assert/strict';
import { problemsOf } from '../dist/matrix.js';
import { matrixTable } from '../dist/page.js';
import { bootOf } from './support.js';

describe('the matrix of the kernel lab', () => {
  it('has no problem with what is declared', () => {
    assert.deepEqual(problemsOf([bootOf('6.1.0-50-cloud-amd64', 'selinux'), bootOf('7.2.12+deb13', 'apparmor')], true), []);
  });

  it('names a feature that went missing, for whom and where', () => {
    const boot = bootOf('6.12.1', 'apparmor', (said) => ('feature' in said && said.feature === 'SO_PEERPIDFD' && said.who === 'user' ? { ...said, value: 'no' } : said));
    const problems = problemsOf([boot], true);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /6\.12 apparmor.*SO_PEERPIDFD.*user.*`yes`.*`no`/);
    assert.match(matrixTable([boot]), /root: ✓; user: –, expected ✓/);
  });

  it('takes a feature that nobody looked at for missing', () => {
    const boot = bootOf('6.12.1', 'apparmor', (said) => ('feature' in said && said.feature === 'pidfs' ? undefined : said));
    assert.equal(problemsOf([boot], true).length, 2);
    assert.match(matrixTable([boot]), /not seen/);
  });

  it('takes a feature that appeared where it was not declared for a problem too', () => {
    const boot = bootOf('5.10.0', 'apparmor', (said) => ('feature' in said && said.feature === 'PAGEMAP_SCAN' ? { ...said, value: 'yes' } : said));
    assert.equal(problemsOf([boot], true).length, 2);
  });

  it('says no to a look that is not declared', () => {
    const boot = bootOf('5.10.0', 'apparmor');
    assert.equal(problemsOf([{ ...boot, said: [...boot.said, { who: 'root', feature: 'teleport', value: 'yes' }] }], true).length, 1);
  });

  it('says no to a guest that stopped half way, failed, or is another kernel', () => {
    assert.equal(problemsOf([bootOf('6.1.0', 'selinux', (said) => ('done' in said ? undefined : said))], true).length, 1);
    assert.deepEqual(problemsOf([bootOf('6.1.0', 'selinux', (said) => ('done' in said ? { failed: 'no policy' } : said))], true).length, 2);
    assert.equal(problemsOf([bootOf('6.1.0', 'selinux', (said) => ('kernel' in said ? { kernel: '6.2.0' } : said))], true).length, 1);
  });

  it('says so in few words where a guest saw nothing at all', () => {
    assert.equal(problemsOf([{ ...bootOf('6.1.0', 'selinux'), said: [] }], false).length, 2);
  });

  it('says no to tests that failed, did not run, or were none', () => {
    const withCounts = (counts: object, parts = ['attacks']) => bootOf('6.1.0', 'selinux', (said) => ('counts' in said && said.who === 'root' && parts.includes(said.part) ? { ...said, counts: { ...said.counts, ...counts } } : said));
    assert.equal(problemsOf([withCounts({ failed: 1, failures: ['pins'] })], true).length, 1);
    assert.equal(problemsOf([withCounts({ notRun: 2 })], true).length, 1);
    assert.equal(problemsOf([withCounts({ passed: 0 })], true).length, 0);
    assert.equal(problemsOf([withCounts({ passed: 0 }, ['attacks', 'probes'])], true).length, 1);
    assert.equal(problemsOf([withCounts({ neverAsked: ['root'] })], true).length, 0); // the other part asked for it
    assert.equal(problemsOf([withCounts({ neverAsked: ['root'] }, ['attacks', 'probes'])], true).length, 1);
    const none = bootOf('6.1.0', 'selinux', (said) => ('counts' in said ? undefined : said));
    assert.equal(problemsOf([none], true).length, 2);
    assert.deepEqual(problemsOf([none], false), []);
  });
});
