// Writes the tables of docs/selectors.md from the catalogues of the attestors, between the markers of the page. Needs a
// build. With --check it writes nothing and exits 1 where the page is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CONTAINER_SELECTORS } from '@portcullis/attestor-container';
import { DARWIN_SELECTORS } from '@portcullis/attestor-darwin';
import { KUBERNETES_SELECTORS } from '@portcullis/attestor-kubernetes';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';
import { SYSTEMD_SELECTORS } from '@portcullis/attestor-systemd';

const page = fileURLToPath(new URL('../../../docs/selectors.md', import.meta.url));

const CATALOGUES = { linux: LINUX_SELECTORS, darwin: DARWIN_SELECTORS, systemd: SYSTEMD_SELECTORS, kubernetes: KUBERNETES_SELECTORS, container: CONTAINER_SELECTORS };

/** What a value is, as an operator would say it. */
function typeText(value) {
  switch (value.type) {
    case 'uint':
      return `number, 0 to ${value.max}`;
    case 'enum':
      return value.values.map((one) => `\`${one}\``).join(', ');
    case 'digest':
      return `${value.prefix === undefined ? '' : `\`${value.prefix}\` and `}${value.length} hex digits`;
    case 'name':
      return 'name, exact values only';
    default:
      return value.type;
  }
}

/** A long digest is shown by its ends. */
function exampleText(example) {
  const text = String(example);
  return `\`${text.length > 40 ? `${text.slice(0, 8)}…${text.slice(-4)}` : text}\``;
}

const cell = (text) => text.replaceAll('|', '\\|');

function notesText({ principal, program, sensitive }) {
  return [principal && 'principal', program && 'program', sensitive && 'masked'].filter(Boolean).join(', ') || '–';
}

/** The table of one catalogue, in the catalogue's own order. */
export function tableOf(definitions) {
  const rows = definitions.map((definition) => {
    const { key, value, many, trust, cost, summary, example } = definition;
    return `| \`${key}\` | ${cell(summary)} | ${typeText(value)} | ${many ? 'many' : 'one'} | ${trust} | ${cost} | ${notesText(definition)} | ${cell(exampleText(example))} |`;
  });
  return ['| key | meaning | type | values | tier | cost | | example |', '|---|---|---|---|---|---|---|---|', ...rows].join('\n');
}

/** The page with every table as it should be. */
export function generate(text) {
  let result = text;
  for (const [name, definitions] of Object.entries(CATALOGUES)) {
    const [begin, end] = [`<!-- begin ${name} -->\n`, `<!-- end ${name} -->\n`];
    const [from, to] = [result.indexOf(begin), result.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/selectors.md has no place for the table of ${name}`);
    result = `${result.slice(0, from + begin.length)}\n${tableOf(definitions)}\n\n${result.slice(to)}`;
  }
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = readFileSync(page, 'utf8');
  const current = generate(text);
  if (!process.argv.includes('--check')) writeFileSync(page, current);
  else if (current !== text) {
    process.stderr.write('docs/selectors.md is stale: run packages/portcullis/scripts/generate-selectors.mjs\n');
    process.exitCode = 1;
  }
}
