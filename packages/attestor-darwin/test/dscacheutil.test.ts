import assert from 'node:assert/strict';
import fc from 'fast-check';
import { askDirectory, parseEntry } from '../dist/dscacheutil.js';
import { needDarwin } from './support/features.js';

/** The form of dscacheutil(1), `-q user` and `-q group`; written down from its manual, not captured on a Mac. */
const ALICE = 'name: alice\npassword: ********\nuid: 501\ngid: 20\ndir: /Users/alice\nshell: /bin/zsh\ngecos: Alice: A\n\n';
const STAFF = 'name: staff\npassword: *\ngid: 20\nusers: root alice\n\n';

describe('attestor-darwin: names by Open Directory', () => {
  it('are read from the entry of that very name', () => {
    assert.equal(parseEntry('passwd', 'alice', ALICE), 501);
    assert.equal(parseEntry('group', 'staff', STAFF), 20);
  });

  it('may have a negative id, which the kernel knows as an unsigned one', () => {
    assert.equal(parseEntry('passwd', 'nobody', 'name: nobody\nuid: -2\n'), 4_294_967_294);
  });

  it('are unknown to the directory when the answer is empty', () => {
    assert.equal(parseEntry('passwd', 'nobody-has-this', ''), undefined);
    assert.equal(parseEntry('passwd', 'nobody-has-this', '\n'), undefined);
  });

  for (const [title, text] of [
    ['of another name', 'name: Alice\nuid: 501\n'],
    ['without an id', 'name: alice\ngid: 20\n'],
    ['with an id that is no number', 'name: alice\nuid: five\n'],
    ['with a second entry\'s id', 'name: alice\nname: bob\nuid: 502\n'],
    ['that is no entry', 'dscacheutil: something is wrong'],
  ] as const) {
    it(`are not answered by an entry ${title}`, () => { assert.equal(parseEntry('passwd', 'alice', text), 'no-answer'); });
  }

  it('never throw', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (name, text) => { parseEntry('group', name, text); }));
  });

  it('are asked of a Mac', async function () {
    needDarwin(this);
    assert.equal(await askDirectory('passwd', 'root'), 0);
    assert.equal(await askDirectory('group', 'wheel'), 0);
    assert.equal(await askDirectory('passwd', 'nobody-has-this-name'), undefined);
  });

  it('are never asked for what would be an option', async () => {
    assert.equal(await askDirectory('passwd', '-h'), undefined);
  });
});
