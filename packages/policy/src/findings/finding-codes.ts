/** What a code means and what to do about it. The page `docs/policy-findings.md` is held to this table by a test. */
export interface FindingMeaning {
  readonly severity: 'error' | 'warning';
  readonly meaning: string;
  readonly remedy: string;
}

const error = (meaning: string, remedy: string): FindingMeaning => ({ severity: 'error', meaning, remedy });
const warning = (meaning: string, remedy: string): FindingMeaning => ({ severity: 'warning', meaning, remedy });

/** Every code that reading, checking or compiling a document can give. Codes are stable; messages may improve. */
export const FINDING_CODES = {
  YAML_READ: error('the file cannot be read', 'check that it exists, is a regular file and may be read by this user'),
  YAML_TOO_LARGE: error('the document, or a text in it, is larger than the limit', 'split it with `include`, or raise the limit, by `--max-bytes` or `maxPolicyBytes` of a gateway file; no single text needs more than 64 KiB'),
  YAML_TOO_DEEP: error('the document is nested deeper than 64 levels', 'flatten it: name parts in `sets` and refer to them with `use`'),
  YAML_ENCODING: error('the document is not valid UTF-8', 'save it as UTF-8'),
  YAML_CONTROL: error('the document contains a control character, or one that shows people something else than is read: a line end of Unicode or of old systems, or one that turns text round', 'remove it; in double quotes it can be written as an escape'),
  YAML_SYNTAX: error('the document is not well-formed YAML 1.2', 'mind indentation, colons and quotes at the place shown'),
  YAML_EMPTY: error('the document is empty', 'begin with `apiVersion: portcullis/v1`, or an evidence file with a key'),
  YAML_MULTIPLE: error('the file holds more than one document', 'keep one document a file, and join files with `include`'),
  YAML_VERSION: error('a YAML directive asks for something else than YAML 1.2', 'remove the directive'),
  YAML_TAG: error('a tag is used', 'remove the tag: types come from the catalogue; quote a value to make it text'),
  YAML_MERGE_KEY: error('a merge key (`<<`) is used', 'name the shared part in `sets` and refer to it with `use`'),
  YAML_DUPLICATE_KEY: error('one mapping has the same key twice', 'remove one, or put the two in a list below `all` or `any`'),
  YAML_KEY: error('the key of a mapping is not text', 'write a plain word as the key'),
  YAML_ALIAS: error('an alias refers to no anchor above it, or to one that contains it', 'define the anchor before the alias, outside of it'),
  YAML_ALIAS_LIMIT: error('aliases blow the document up', 'name shared parts in `sets` and refer to them with `use`'),
  YAML_NUMBER: error('a number is not finite, too large to be exact, or begins with a zero', 'write it in decimal; quote it if it is meant as text, such as a digest of digits only'),

  COMPILED_DAMAGED: error('a compiled policy is not what was written, or was not written by `portcullis compile`', 'compile it again from its YAML'),
  COMPILED_VERSION: error('a compiled policy is of a form that this version does not read', 'compile it again from its YAML with the version that reads it'),

  SCHEMA_TYPE: error('a value has the wrong shape here', 'check the indentation, and what the word takes'),
  SCHEMA_MISSING: error('a required word is missing', 'add it'),
  SCHEMA_UNKNOWN_WORD: error('a word is not part of the language here', 'check its spelling and its indentation'),
  SCHEMA_VALUE: error('a value is not among those allowed here', 'use one that the message allows'),
  SCHEMA_EMPTY: error('a list, mapping or text is empty', 'say what is meant: an empty condition would hold for everyone'),

  POLICY_WORD_MISPLACED: error('a word is used on a rule whose effect it has no meaning for', 'remove it, or change the effect'),
  POLICY_LEASE_PROGRAM: error('`onExec: revoke` where a peer may match whose program was never looked at: it would do nothing', 'name the program in the rule, or any that can be seen by `unix:image: { exists: true }` (on macOS `unix:path`); or leave the word out'),
  POLICY_UNKNOWN_KEY: error('no attestor of this gate has such a key', 'check its spelling, or install the attestor that establishes it'),
  POLICY_SELECTOR_SYNTAX: error('the text is not of the form `source:kind:value`', 'write for example `unix:uid:1000`'),
  POLICY_VALUE_TYPE: error('a value is not of the type that the catalogue gives its key', 'look the key up in the selector reference'),
  POLICY_OPERATOR: error('an operator is unknown, alone with others, or not defined for this type', 'use one operator a key, of those that its type has; join several with `all`'),
  POLICY_EMPTY_RANGE: error('the range contains nothing', 'write the smaller bound first'),
  POLICY_DUPLICATE_RULE: error('two rules have the same id', 'rename one: decisions and records name rules by id'),
  POLICY_DUPLICATE_SET: error('two sets have the same name', 'rename one'),
  POLICY_UNKNOWN_SET: error('`use` names a set that is not defined', 'define it below `sets`'),
  POLICY_SET_CYCLE: error('a set uses itself, directly or through others', 'break the cycle'),
  POLICY_UNUSED_SET: warning('no rule uses the set', 'remove it, or use it'),
  POLICY_UNKNOWN_LISTENER: error('no listener has this name', 'check its spelling: a deny rule on a listener that does not exist protects nothing'),
  POLICY_INCLUDE_MISSING: error('an included file does not exist', 'check the path: it is relative to the file that includes it'),
  POLICY_INCLUDE_EMPTY: warning('the pattern of an include matches no file', 'check the path: it is relative to the file that includes it'),
  POLICY_INCLUDE_OUTSIDE: error("an included file lies outside of the policy's folder", 'move it inside; only a program that loads the policy itself can allow it, by `allowOutsideIncludes`'),
  POLICY_INCLUDE_DUPLICATE: error('one file is included twice', 'remove one of the two, or narrow the pattern'),
  POLICY_INCLUDE_CYCLE: error('a file includes itself, directly or through others', 'break the cycle'),
  POLICY_INCLUDE_LIMIT: error('more files are included than the limit allows', 'join small files; only a program that loads the policy itself can raise the limit, by `maxFiles`'),
  POLICY_TOO_COMPLEX: error('a condition, written out with its sets, has too many tests', 'split the rule, or use `in` with a list of values'),
  POLICY_RESIDUAL: warning('a condition is too branched to be indexed, and is evaluated for every connection', 'split the rule into several'),
  POLICY_WEAK_TRUST: error('an allow rule rests on a key weaker than its `requires`', 'say `requires:` with the tier of the key, if that is really good enough'),
  POLICY_EXPIRES: error('`expires` is not a moment in time', 'write a full date, time and zone: `2027-01-31T00:00:00Z`'),
  POLICY_EXPIRED: warning('the policy as a whole has expired, and denies everything', 'renew it: review it, and write a later `expires`'),
  POLICY_RULE_EXPIRED: warning('the rule has expired', 'remove it, or extend it'),
  POLICY_TIME_ZONE: error('`tz` is not a time zone of the IANA database that comes with this Node.js', 'write a name such as `Europe/Berlin` or `UTC`'),
  POLICY_WINDOW: error('a window is never open, or names neither days nor hours', 'name `days`, `hours` or both; hours are two different times, of which the second may be on the next day'),
  POLICY_LIMIT: error('a limit limits nothing', 'say `rate`, `concurrent` or both; `burst` belongs to `rate`'),
  POLICY_GRANT_CONFLICT: error('two rules that may both match grant the same name differently', 'make the rules exclude each other on a key with one value, or grant different names'),
  POLICY_GRANT_UNDECIDED: error('too many rules grant a name for it to be told whether they conflict', 'let each of these rules name an exact value of one common key, such as `unix:uid`'),
  POLICY_UNKNOWN_SKIPPED: warning('a deny rule does not deny when its evidence is unknown', 'remove `onUnknown: skip` unless another rule closes the gap'),
  POLICY_NO_RULES: warning('no enforced rule allows anything, so every peer is refused', 'add an allow rule'),
  POLICY_PROGRAM_WITHOUT_PRINCIPAL: warning('an allow rule names a program but no principal: any user may run that program and steer it (T11)', 'add a uid, user, group, system unit, container id or label'),
  POLICY_PATH_WITHOUT_DIGEST: warning('an allow rule names `unix:path` without `unix:sha256`: whoever can replace the file is allowed', 'add the digest, or see to it that only root can write the path'),

  POLICY_NEVER_MATCHES: warning('no evidence makes the rule match', 'correct it, or remove it: what it asks of a key contradicts itself, or is no value that the key can have'),
  POLICY_ALLOW_ALWAYS_DENIED: warning('deny rules refuse whomever the allow rule matches', 'remove the allow rule, or narrow the deny'),
  POLICY_RULE_COVERED: warning('another rule matches wherever this one does, and does all that it would', 'remove it, or narrow the other; only the rules and reasons that a decision names would change'),
  POLICY_DUPLICATE_CONDITION: warning('two rules of one effect have the same condition', 'join them: a rule may grant several names'),
  POLICY_EXPIRES_SOON: warning('the policy as a whole expires soon, and denies everything from then on', 'renew it in time: review it, and write a later `expires`'),
  POLICY_RULE_EXPIRES_SOON: warning('the rule expires soon', 'extend it in time, or let it go'),
  POLICY_WEAK_TIER: warning('an allow rule rests on a key that its peers can write or race, as it says by `requires`', 'rest it on something firmer, or keep it beside a key that is and say here why that will do'),
  POLICY_INTERPRETER: warning('an allow rule names an interpreter: its path and digest say nothing of the script (T12)', 'name a program that runs one thing only, or the principal whose scripts are trusted'),
  POLICY_REVIEW_INCOMPLETE: warning('not all rules could be compared with each other', 'nothing is wrong: rules that are covered, or never match, may have been left out'),

  HOST_KEY_UNKNOWABLE: warning('an enforced rule needs a key that this host cannot answer', 'ask for another key, or run where there is an answer: `portcullis doctor` says what is missing'),
  HOST_PATH_REPLACEABLE: warning('an enforced rule names a program by a path where others than root can put another one', 'see to the owners and modes of the file and of all folders that lead to it, or add `unix:sha256`'),
  HOST_TCP_TOO_WEAK: warning('an allow rule of a loopback port requires more than is ever known of a TCP peer, so it allows nobody there', 'listen on a Unix socket, or say `requires: heuristic` if that will do'),
  HOST_GATEWAY_WRITABLE: warning('the gateway file, or a folder above it, may be written by somebody other than root and this user', 'see to the owners and modes: who can write it says which policy decides, and who may reach the sockets'),
  HOST_POLICY_WRITABLE: warning('a file of the policy, a folder that it is read from, or one above, may be written by somebody other than root and this user', 'see to the owners and modes: who can write the policy decides who comes in'),

  SUPPRESSION_SYNTAX: warning('a comment begins with `# portcullis:` and cannot be understood', 'write `# portcullis: allow CODE reason`'),
  SUPPRESSION_UNKNOWN_CODE: warning('a comment allows a finding that there is not', 'check its spelling against this page'),
  SUPPRESSION_REASON: warning('a comment allows a finding and does not say why', 'write the reason behind the code: whoever reads the policy next wants to know'),
  SUPPRESSION_REFUSED: warning('a comment allows what cannot be allowed: an error, or a finding about such comments', 'remove the comment, and correct what it was for'),
  SUPPRESSION_UNUSED: warning('a comment allows a finding that is not there', 'remove it: it would hide the finding when it comes; it speaks of its own line, or from a line of its own of the next one'),

  FORMAT_LOSS: error('formatting the file would lose a comment or change what it says', 'give comments lines of their own, before a rule; the file was not changed'),

  GATEWAY_OBSERVES: warning('a listener of a gateway only observes: everyone is admitted, and what would have been decided is recorded', 'remove `observe` once the records show what was meant'),

  TEST_POLICY: error('the policy that is to be tested cannot be loaded', 'correct its errors: they are listed beside this one'),
  TEST_EMPTY: error('the file has neither cases nor properties', 'add one: a file that tests nothing must not look as if it passed'),
  TEST_MOMENT: error('`clock` is not a moment in time', 'write a full date, time and zone: `2026-11-23T09:00:00Z`'),
  TEST_UNKNOWN_PEER: error('no peer of this name is defined', 'define it below `peers`'),
  TEST_PEER_CYCLE: error('a peer derives from itself, directly or through others', 'break the cycle'),
  TEST_PEER_CONFLICT: error('one peer says two things of one key', 'give the key a value, or list it below `unknown`'),
  TEST_TIER: error('a tier is given to a key that has no value here, or is stronger than its catalogue promises', "give the tier that was seen: the catalogue's, or a weaker one"),
  TEST_DUPLICATE_CASE: error('two cases have the same name', 'rename one: reports name cases'),
  TEST_UNKNOWN_RULE: error('the policy has no such rule, or not one that this can be expected of', 'check its spelling: `shadow` takes shadow rules, `nearest` allow rules, the others enforced rules'),
  TEST_UNKNOWN_LISTENER: warning('no rule is bound to a listener of this name, but to one that is spelled nearly so', 'check its spelling'),
  TEST_UNKNOWN_GRANT: warning('no rule grants a name, or a value of it, as it is spelled here, but one that is spelled nearly so', 'check its spelling: what nobody grants is never granted, and a property of it always holds'),
  TEST_PROPERTY: error('a property has not exactly one claim, or one that means nothing', 'write one of `never` and `always`, and a second property for a second claim; `grant` belongs to `decision: allow`'),
  TEST_COVERAGE: error('the cases cover less than the file asks for', 'add cases for what is shown, or remove what nothing needs'),
  TEST_UNCOVERED_RULE: warning('no case makes the rule match', 'add a case in which it does, on one of its listeners and while it is in force'),
  TEST_UNCOVERED_BRANCH: warning('no case in which a condition decides has it hold, or none has it fail', 'add a peer for which all else is so that this condition alone decides'),
} as const satisfies Record<string, FindingMeaning>;

export type FindingCode = keyof typeof FINDING_CODES;

export function isFindingCode(code: string): code is FindingCode {
  return Object.hasOwn(FINDING_CODES, code);
}
