import assert from 'node:assert/strict';
import { ERROR_CODES, formatErrorChain, PortcullisError } from '../dist/index.js';

describe('an error', () => {
  it('carries code, facts and origin as fields', () => {
    const cause = new Error('below');
    const error = new PortcullisError('POLICY_READ', 'cannot read it', { cause, facts: { path: '/x' } });
    assert.deepEqual([error.name, error.code, error.facts, error.cause], ['PortcullisError', 'POLICY_READ', { path: '/x' }, cause]);
    assert.deepEqual(new PortcullisError('POLICY_READ', 'x').facts, {});
    assert.equal(Object.hasOwn(new PortcullisError('POLICY_READ', 'x'), 'cause'), false);
  });

  it('has a code of a list without duplicates', () => { assert.equal(new Set(ERROR_CODES).size, ERROR_CODES.length); });
});

describe('a chain of errors', () => {
  const steps = (error: unknown): string[] => formatErrorChain(error).split('\n');

  it('has one line a step, outermost first, with codes', () => {
    const cause = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    assert.deepEqual(steps(new PortcullisError('POLICY_READ', 'cannot read `p`', { cause })), ['POLICY_READ cannot read `p`', '  because ENOENT no such file']);
  });

  it('does not say a code twice', () => { assert.deepEqual(steps(Object.assign(new Error('ENOENT: no'), { code: 'ENOENT' })), ['ENOENT: no']); });

  it('ends where it bites its own tail', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    assert.deepEqual(steps(a), ['a', '  because b']);
  });

  it('ends after sixteen steps', () => {
    let error = new Error('0');
    for (let i = 1; i < 100; i += 1) error = new Error(String(i), { cause: error });
    assert.equal(steps(error).length, 16);
  });

  it('takes whatever was thrown', () => {
    const bare = Object.create(null) as object;
    const hostile = { toString() { throw new Error('no'); } };
    for (const thrown of ['text', 7, null, Symbol('s'), { a: 1 }, bare, hostile, new Error('', { cause: bare })]) assert.equal(typeof formatErrorChain(thrown), 'string');
    assert.equal(formatErrorChain(undefined), '');
  });

  it('shows control characters instead of sending them to a terminal (I11)', () => {
    assert.equal(formatErrorChain(new Error('a\u001b[31mb\u009bc\u202ed\r')), 'a\\u001b[31mb\\u009bc\\u202ed\\u000d');
  });
});
