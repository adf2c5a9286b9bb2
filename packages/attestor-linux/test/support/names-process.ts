// Resolves one user name as a policy's load would, and prints the number of warnings, or the code of the error.
import { PortcullisError } from '@portcullis/core';
import { LinuxAttestor } from '@portcullis/attestor-linux';

const attestor = new LinuxAttestor();
try {
  const warnings = await attestor.prepare(new Map([['unix:user', new Set([process.argv[2] ?? ''])]]));
  process.stdout.write(`${String(warnings.length)}\n`);
} catch (error) {
  process.stdout.write(`${error instanceof PortcullisError ? error.code : String(error)}\n`);
}
