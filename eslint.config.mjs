// The rules of the house. Beside the strict type-checked set: who may import whom, and the three doors (I8).
import tseslint from 'typescript-eslint';

const ours = ['@portcullis/*', 'portcullis', 'portcullis/*'];

/** Forbids imports; `patterns` are gitignore-style, `why` is what the author reads. */
const forbid = (patterns, why) => ({ group: patterns, message: why });

const doors = {
  koffi: forbid(['koffi', 'koffi/*'], 'I8: koffi comes in through ffi/libc.ts alone.'),
  net: forbid(['node:net', 'net'], 'I8: node:net comes in through gate.ts alone.'),
  cores: forbid(ours, 'core knows none of ours.'),
  onlyCore: forbid([...ours, '!@portcullis/core', '!@portcullis/core/*'], 'attestors and the policy know core and nothing else of ours.'),
};

const imports = (...patterns) => ['error', { patterns }];

/** The private descriptor is read in one file. */
const privateHandle = [
  'error',
  {
    selector: "MemberExpression[property.name='_handle']",
    message: "I8: only socket-fd.ts reads a socket's private descriptor.",
  },
  { selector: "Literal[value='_handle']", message: "I8: only socket-fd.ts reads a socket's private descriptor." },
  {
    selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
    message: 'nothing here is decided by chance.',
  },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/dist-test/**', '**/*.generated.ts', '**/*.generated.js', 'packages/portcullis/templates/**', 'node_modules/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['packages/*/tsconfig.json', 'packages/*/test/tsconfig.json', 'bench/tsconfig.json', 'examples/*/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'max-lines': ['error', { max: 320, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': privateHandle,
    },
  },
  {
    files: ['packages/core/src/**/*.ts'],
    rules: { 'no-restricted-imports': imports(doors.cores, doors.net, doors.koffi) },
  },
  {
    files: ['packages/core/src/gate.ts', 'packages/core/src/testing/**/*.ts'],
    rules: { 'no-restricted-imports': imports(doors.cores, doors.koffi) },
  },
  { files: ['packages/core/src/socket-fd.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['packages/attestor-*/src/**/*.ts', 'packages/policy/src/**/*.ts'],
    rules: { 'no-restricted-imports': imports(doors.onlyCore, doors.koffi, doors.net) },
  },
  {
    files: ['packages/attestor-*/src/ffi/libc.ts'],
    rules: { 'no-restricted-imports': imports(doors.onlyCore, doors.net) },
  },
  { files: ['packages/portcullis/src/**/*.ts'], rules: { 'no-restricted-imports': imports(doors.koffi) } },
  {
    files: ['**/test/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts', 'packages/portcullis/src/demo/**/*.ts'],
    rules: {
      'no-console': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
);
