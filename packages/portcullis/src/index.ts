import 'reflect-metadata';

export {
  Admission, admissionOf, fingerprint, formatErrorChain, formatSelector, PortcullisError, ServerRefused, toRecord,
  type AdmittedPeer, type Attestor, type BindOptions, type Catalogue, type ConnectSettings, type ConnectTarget, type Decision, type DecisionRecord, type DecisionSink,
  type ErrorCode, type Evidence, type Gate, type GateEvents, type GateFailure, type Grant, type Guarded, type HandedOver, type HandedSocket, type HandOverSettings, type Listening,
  type ListenException, type ListenTarget, type Message, type MessageHandler, type MessageReceiver, type MessageTarget, type NearestMiss, type Policy, type PolicyChange, type RefusalStyle, type Registrar,
  type Selector, type SelectorDefinition, type SelectorKey, type SelectorValue, type TrustTier,
} from '@portcullis/core';
export { connectVerified, type ConnectVerifiedSettings } from './compose/connect-verified.js';
export { createGate } from './compose/create-gate.js';
export { receiveMessages, type MessageSettings } from './compose/receive-messages.js';
export { type GateSettings } from './compose/gate-settings.js';
export { type ServerExpectation } from './compose/expectation.js';
export { handOver } from './compose/hand-over.js';
export { type Plugin } from './compose/parts.js';
export { loadPlatform, platformCatalogue, type Platform, type PlatformOptions } from './compose/platform.js';
export { type PolicyGate } from './compose/policy-gate.js';
export { loadPlugin } from './plugins/load-plugin.js';
export { type PluginOptions, type PluginRequest } from './plugins/plugin-request.js';
export { startGateway, type Gateway, type GatewayOptions } from './gateway/gateway.js';
export { type GatewaySpec, type ListenerSpec, type ListenSpec } from './gateway/gateway-spec.js';
export { formatUpstream, parseUpstream, type Upstream } from './gateway/upstream.js';
export { type GatewayEvent } from './records/gateway-event.js';
export { type PolicyReload } from './reload/policy-reloader.js';
export { escapeText } from '@portcullis/core';
