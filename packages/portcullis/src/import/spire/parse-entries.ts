import { PortcullisError } from '@portcullis/core';
import type { SpireEntry, SpireSelector } from './entry.js';

/** More entries than this are no registration of one host. */
const MOST_ENTRIES = 100_000;

/** What concerns certificates and bookkeeping, and never who matches. */
const IGNORED: ReadonlySet<string> = new Set(['x509_svid_ttl', 'jwt_svid_ttl', 'revision_number', 'created_at']);
const KNOWN: ReadonlySet<string> = new Set(['id', 'spiffe_id', 'parent_id', 'selectors', 'expires_at', 'federates_with', 'dns_names', 'hint', 'admin', 'downstream', 'store_svid']);

/**
 * Reads `{"entries": […]}`. Ids may also be written as one text, as in the files that `entry create -data` takes.
 * @throws PortcullisError `IMPORT_INVALID`, for a file that is not of this form as a whole
 */
export function parseEntries(text: string): readonly SpireEntry[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new PortcullisError('IMPORT_INVALID', 'the file is not JSON: make it with `spire-server entry show -output json`', { cause });
  }
  const root = object(document, 'the document');
  const entries = list(root['entries'], 'entries');
  if (entries.length > MOST_ENTRIES) throw invalid('entries', `at most ${String(MOST_ENTRIES)} entries`);
  const token = root['next_page_token'];
  if (token !== undefined && token !== '') throw invalid('next_page_token', 'the whole list: this is one page of it');
  return entries.map((entry, index) => parseEntry(object(entry, `entries[${String(index)}]`), `entries[${String(index)}]`));
}

function parseEntry(raw: Fields, at: string): SpireEntry {
  return {
    id: text(raw['id'], `${at}.id`),
    spiffeId: spiffeId(raw['spiffe_id'], `${at}.spiffe_id`),
    parentId: spiffeId(raw['parent_id'], `${at}.parent_id`),
    selectors: list(raw['selectors'], `${at}.selectors`).map((one, index) => selector(one, `${at}.selectors[${String(index)}]`)),
    expiresAt: seconds(raw['expires_at'], `${at}.expires_at`),
    federatesWith: texts(raw['federates_with'], `${at}.federates_with`),
    dnsNames: texts(raw['dns_names'], `${at}.dns_names`),
    hint: text(raw['hint'], `${at}.hint`),
    admin: flag(raw['admin'], `${at}.admin`),
    downstream: flag(raw['downstream'], `${at}.downstream`),
    storeSvid: flag(raw['store_svid'], `${at}.store_svid`),
    strange: Object.entries(raw).filter(([name, value]) => !KNOWN.has(name) && !IGNORED.has(name) && saysSomething(value)).map(([name]) => name),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function invalid(at: string, expected: string): PortcullisError {
  return new PortcullisError('IMPORT_INVALID', `\`${at}\` is not what \`spire-server entry show -output json\` prints: expected ${expected}`, { facts: { at } });
}

function object(value: unknown, at: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, 'an object');
  // Without the prototype: a missing field is undefined, whatever it is called.
  return Object.assign(Object.create(null) as Record<string, unknown>, value);
}

/** Proto3 JSON leaves out what is empty, and so do older versions. */
function list(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalid(at, 'a list');
  return value;
}

function text(value: unknown, at: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw invalid(at, 'a text');
  return value;
}

function texts(value: unknown, at: string): readonly string[] {
  return list(value, at).map((one, index) => text(one, `${at}[${String(index)}]`));
}

function flag(value: unknown, at: string): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw invalid(at, 'true or false');
  return value;
}

/** An int64, which proto3 JSON writes as a text. */
function seconds(value: unknown, at: string): number {
  if (value === undefined || value === null) return 0;
  const number = typeof value === 'string' && /^-?[0-9]{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw invalid(at, 'seconds since the epoch');
  return number;
}

function selector(value: unknown, at: string): SpireSelector {
  const raw = object(value, at);
  const [type, rest] = [text(raw['type'], `${at}.type`), text(raw['value'], `${at}.value`)];
  if (type === '' || rest === '') throw invalid(at, 'a type and a value');
  return { type, value: rest };
}

function spiffeId(value: unknown, at: string): string {
  if (typeof value === 'string') return value;
  const raw = object(value, at);
  return `spiffe://${text(raw['trust_domain'], `${at}.trust_domain`)}${text(raw['path'], `${at}.path`)}`;
}

function saysSomething(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return ![undefined, null, '', '0', 0, false].includes(value as string);
}
