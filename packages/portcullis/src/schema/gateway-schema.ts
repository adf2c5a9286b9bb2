import { LISTEN_EXCEPTIONS } from '@portcullis/core';
import type { JsonSchema } from '@portcullis/policy/editor';
import { MOST_POLICY_BYTES } from '../gateway/gateway-spec.js';

const text = (description: string): JsonSchema => ({ type: 'string', minLength: 1, description });
const seconds = (minimum: number, description: string): JsonSchema => ({ type: 'number', minimum, maximum: 86_400, description });
const some = (items: JsonSchema, description: string): JsonSchema => ({ type: 'array', minItems: 1, items, description });

const NAME = { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$', patternErrorMessage: 'expected a name of letters, digits, dots, dashes and underscores' };
const RATE = { pattern: '^[1-9][0-9]{0,5}/[smh]$', patternErrorMessage: 'expected a rate such as `100/s`, `20/m` or `5/h`' };

const PLUGIN: JsonSchema = {
  type: ['string', 'object'],
  description: 'a plugin: its package, or a path that begins with `./`, `../` or `/`',
  minLength: 1,
  required: ['use'],
  additionalProperties: false,
  properties: {
    use: text('its package, or a path that begins with `./`, `../` or `/`'),
    options: { type: 'object', description: "the plugin's own options" },
  },
};

const LISTEN: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  oneOf: [{ required: ['path'] }, { required: ['tcp'] }, { required: ['systemd'] }, { required: ['fd'] }],
  dependencies: { mode: ['path'], group: ['path'], exceptions: ['path'] },
  properties: {
    path: { ...text('an absolute path, made safely: nobody else may be able to write to its folder'), pattern: '^/', patternErrorMessage: 'expected an absolute path' },
    mode: { type: ['integer', 'string'], description: 'octal permission bits, `0660` or `660`; 0600 without it', minimum: 0, maximum: 777, pattern: '^(0o?)?[0-7]{3}$', patternErrorMessage: 'expected octal permission bits: `0660` or `660`' },
    group: { type: ['string', 'integer'], minLength: 1, minimum: 0, description: "name or id of the socket's group" },
    exceptions: some({ enum: LISTEN_EXCEPTIONS }, 'what the safe listen shall overlook'),
    tcp: { ...text('`127.0.0.1:PORT` or `[::1]:PORT`: peers can be told less surely there'), pattern: '^(\\[[0-9a-fA-F:.]+\\]|[0-9.]+):[0-9]{1,5}$', patternErrorMessage: 'expected `127.0.0.1:PORT` or `[::1]:PORT`' },
    systemd: text('a socket that was handed over, by its `FileDescriptorName=`'),
    fd: { type: 'integer', minimum: 0, description: 'a socket that was handed over, by its number' },
  },
};

const LISTENER: JsonSchema = {
  type: 'object',
  required: ['name', 'listen', 'upstream', 'policy'],
  additionalProperties: false,
  properties: {
    name: { ...text('what rules (`listeners`) and records call it'), ...NAME },
    listen: { description: 'where clients connect', allOf: [{ $ref: '#/definitions/Gateway.listen' }] },
    upstream: { ...text('who serves the admitted: `unix:/absolute/path` or `tcp:ADDRESS:PORT`'), pattern: '^(unix:/|tcp:(\\[[0-9a-fA-F:.]+\\]|[0-9.]+):[0-9]{1,5}$)', patternErrorMessage: 'expected `unix:/absolute/path` or `tcp:ADDRESS:PORT`, with an address and no name' },
    policy: text('who may come in; relative to this file'),
    candidate: text('a policy that is asked beside it, and refuses nobody'),
    observe: { type: 'boolean', description: '`true`: everyone is admitted, and the record says what would have been decided' },
    ratePerUid: {
      type: ['string', 'object'], description: 'how fast connections of one user are looked at: `100/s`, or `{ rate: 100/s, burst: 200 }`', ...RATE,
      required: ['rate'], additionalProperties: false,
      properties: { rate: { ...text('`100/s`, `20/m` or `5/h`'), ...RATE }, burst: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'how many may come at once' } },
    },
    tests: some(text('a file of `kind: PolicyTest`'), 'tests that have to hold before the policy takes effect; relative to this file'),
    lastGood: text('where the policy that took effect is kept'),
    collect: some({ $ref: '#/definitions/key' }, 'keys wanted in the record'),
    deadline: seconds(0.001, 'seconds that an admission may wait for late answers; 5 without it'),
    policyGrace: seconds(0, 'seconds that a live connection may go on which a new policy does not admit; 0 without it'),
    refusal: { enum: ['close', 'http'], description: '`close`, or `http` for a 403 that the gate writes itself' },
    self: { enum: ['refuse', 'allow'], description: "`refuse`, or `allow` connections from the gateway's own process" },
  },
};

/** `kind: Gateway` as editors are to know it: what `parseGateway` takes. To stand beside the definitions of policies. */
export const GATEWAY_DEFINITIONS: JsonSchema = {
  'Gateway': {
    title: 'Gateway of Portcullis',
    type: 'object',
    required: ['apiVersion', 'kind', 'listeners'],
    additionalProperties: false,
    properties: {
      apiVersion: { const: 'portcullis/v1', description: 'the version of the language' },
      kind: { const: 'Gateway', description: 'what this file is' },
      metadata: {
        type: 'object', additionalProperties: false, description: 'what this gateway is called, and whose it is',
        properties: { name: text('what the gateway is called'), owner: text('who answers for it'), description: text('what it is for') },
      },
      plugins: { type: 'array', items: PLUGIN, description: 'attestors of others' },
      drain: seconds(0, 'seconds that live connections may go on after SIGTERM; 10 without it'),
      maxPolicyBytes: { type: 'integer', minimum: 1, maximum: MOST_POLICY_BYTES, description: 'bytes that one file of a policy may have; 33554432 without it, and four times that of a compiled one' },
      policyDeadline: seconds(0.001, 'seconds that reading a large policy again may take, its tests included; 300 without it'),
      listeners: some({ $ref: '#/definitions/Gateway.listener' }, 'the sockets, each with its policy and its upstream'),
    },
  },
  'Gateway.listener': LISTENER,
  'Gateway.listen': LISTEN,
};
