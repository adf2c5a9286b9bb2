/** What a tsyringe container must offer to be registered with; core itself needs no container. */
export interface Registrar {
  register(token: symbol, provider: { readonly useValue: unknown }): unknown;
}

/** Explicit tokens: constructor injection by type needs decorator metadata, which several builders drop. */
export const ATTESTOR: unique symbol = Symbol.for('portcullis.attestor');
export const PEER_SOURCE: unique symbol = Symbol.for('portcullis.peer-source');
export const LISTEN_PORT: unique symbol = Symbol.for('portcullis.listen-port');
export const CONNECT_PORT: unique symbol = Symbol.for('portcullis.connect-port');
export const HANDOFF_PORT: unique symbol = Symbol.for('portcullis.handoff-port');
export const MESSAGE_PORT: unique symbol = Symbol.for('portcullis.message-port');
export const POLICY: unique symbol = Symbol.for('portcullis.policy');
export const DECISION_SINK: unique symbol = Symbol.for('portcullis.decision-sink');
export const CLOCK: unique symbol = Symbol.for('portcullis.clock');
