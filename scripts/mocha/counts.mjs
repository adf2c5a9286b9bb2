// Prints the counts that the reporter left in a file, as mocha does and then on one line for machines. Exits 1 where a
// run must not pass: nothing ran, something failed, a test was kept from running, or an expected feature has no test.
import { readFileSync } from 'node:fs';

const NOTHING = { passed: 0, failed: 0, skipped: 0, notRun: 0, neverAsked: [] };
const print = (text = '') => process.stdout.write(`${text}\n`);

function readCounts(path) {
  const text = readFileSync(path, 'utf8');
  if (text !== '') return JSON.parse(text);
  print('the tests did not come to their end: no counts');
  return NOTHING;
}

const { passed, failed, skipped, notRun, neverAsked } = readCounts(process.argv[2]);
print();
print(`  ${passed} passing`);
print(`  ${skipped} pending`);
print(`  ${failed} failing`);
if (notRun > 0) print(`  ${notRun} not run`);
for (const name of neverAsked) print(`  PORTCULLIS_EXPECT names \`${name}\`, and no test asked for it`);
print();
print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = passed > 0 && failed === 0 && notRun === 0 && neverAsked.length === 0 ? 0 : 1;
