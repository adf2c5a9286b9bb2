import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseExecutableMaps, type ExecutableMapping } from '../../dist/proc/parse-maps.js';
import { bytes, fixture, hostile, scenariosWith } from './fixtures.js';

function print(mapping: ExecutableMapping): string {
  const hex = (value: bigint | number, digits: number): string => value.toString(16).padStart(digits, '0');
  const { start, end, perms, offset, devMajor, devMinor, inode, name } = mapping;
  const head = `${hex(start, 8)}-${hex(end, 8)} ${perms} ${hex(offset, 8)} ${hex(devMajor, 2)}:${hex(devMinor, 2)} ${inode.toString()} `;
  return name === '' ? `${head}\n` : `${head.padEnd(73)}${name}\n`;
}

describe('parse-maps', () => {
  for (const scenario of scenariosWith('maps')) {
    it(`finds the executable mappings of ${scenario}`, () => {
      const text = fixture(`${scenario}/maps`).toString('latin1');
      const expected = text.split('\n').filter((line) => /^[^ ]+ ..x/.test(line)).length;
      assert.equal(parseExecutableMaps(fixture(`${scenario}/maps`))?.length, expected);
    });
  }

  it('keeps names as the kernel spells them, two files of one spelling included', () => {
    const mappings = parseExecutableMaps(fixture('hostile-maps/maps')) ?? [];
    const named = (end: string): readonly ExecutableMapping[] => mappings.filter((mapping) => mapping.name.endsWith(end));
    const twins = named('/line\\012break');
    assert.equal(twins.length, 2);
    assert.notEqual(twins[0]?.inode, twins[1]?.inode);
    assert.equal(named('/gone (deleted)').length, 1);
    assert.equal(named('/unlinked (deleted)').length, 1);
    assert.equal(named('/name with  blanks ').length, 1);
    assert.equal(named('/memfd:jit\\012code (deleted)')[0]?.perms, 'rwxs');
    assert.equal(mappings.filter((mapping) => mapping.name === '' && mapping.inode === 0n).length, 1);
    assert.deepEqual(named('[vsyscall]')[0]?.start, 0xffffffffff600000n);
  });

  it('keeps the bytes of a name that is not UTF-8', () => {
    const line = (perms: string): Buffer => Buffer.from(`1000-2000 ${perms} 00000000 fe:00 7 /x\xff\n`, 'latin1');
    assert.deepEqual(parseExecutableMaps(line('r--p')), []);
    assert.equal(parseExecutableMaps(line('r-xp'))?.[0]?.name, '/x\xff');
  });

  it('is empty for a kernel thread, and undefined for what no kernel prints', () => {
    assert.deepEqual(parseExecutableMaps(fixture('kernel-thread/maps')), []);
    for (const text of ['\n', '1000-2000 r-xp 0 0:0 0', '2000-1000 r-xp 0 0:0 0 \n', '1000-2000 r-x 0 0:0 0 \n', '3000-4000 r--p 0 0:0 0 \n1000-2000 r-xp 0 0:0 0 \n']) {
      assert.equal(parseExecutableMaps(bytes(text)), undefined, JSON.stringify(text));
    }
  });

  it('gives back what was printed', () => {
    const name = fc.oneof(fc.constantFrom('', '[vdso]', '[anon:x y]'), fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => `/${Buffer.from(text.replaceAll('\n', '\\012')).toString('latin1')}`));
    const one = fc.record({ length: fc.bigInt({ min: 1n, max: 1n << 40n }), gap: fc.bigInt({ min: 0n, max: 1n << 40n }), perms: fc.constantFrom('r-xp', 'rwxs', '--xp'), offset: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), devMajor: fc.nat(4095), devMinor: fc.nat(0xfffff), inode: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), name });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (list) => {
        let at = 0n;
        const mappings = list.map(({ length, gap, ...rest }) => {
          const start = at + gap;
          at = start + length;
          return { start, end: at, ...rest };
        });
        assert.deepEqual(parseExecutableMaps(Buffer.from(mappings.map(print).join(''), 'latin1')), mappings);
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('hostile-maps/maps'), (noise) => (parseExecutableMaps(noise), true)));
  });
});
