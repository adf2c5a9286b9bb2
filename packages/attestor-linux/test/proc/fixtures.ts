import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';

const ROOT = new URL('../../test/fixtures/', import.meta.url);

/** `fixture('zombie/stat')`: the bytes of one captured file. */
export function fixture(path: string): Buffer {
  return readFileSync(new URL(path, ROOT));
}

/** Scenarios that have such a file. */
export function scenariosWith(file: string): readonly string[] {
  return scenarios().filter((scenario) => existsSync(new URL(`${scenario}/${file}`, ROOT)));
}

export function scenarios(): readonly string[] {
  return readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

export function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** Noise, and noise that is nearly right: a capture with a piece of it replaced, cut or doubled. */
export function hostile(path: string): fc.Arbitrary<Uint8Array> {
  const capture = fixture(path);
  const damaged = fc
    .tuple(fc.nat(capture.length), fc.nat(64), fc.uint8Array({ maxLength: 64 }))
    .map(([at, gone, put]) => Buffer.concat([capture.subarray(0, at), put, capture.subarray(at + gone)]));
  return fc.oneof(fc.uint8Array({ maxLength: 512 }), damaged);
}
