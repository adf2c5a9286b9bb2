import { PortcullisError, receiveMessages as receivePlain, type Attestor, type MessageHandler, type MessageOptions, type MessageReceiver, type MessageTarget, type Policy } from '@portcullis/core';
import { requirePolicy } from '@portcullis/policy';
import { loadSteadyPolicy } from '../reload/steady-load.js';
import { resolveParts, type Plugin } from './parts.js';
import { loadPlatform, type Platform, type PlatformOptions } from './platform.js';

/** What a receiver is made from: a policy, and whatever should be other than usual. */
export interface MessageSettings extends Omit<MessageOptions, 'policy' | 'attestors' | 'port' | 'sharedAttestors'>, PlatformOptions {
  /** The path of a policy file, or a policy that was compiled already. */
  readonly policy: string | Policy;
  /** Attestors beside the platform's. The receiver closes them with itself. */
  readonly attestors?: readonly Attestor[];
  readonly plugins?: readonly Plugin[];
  readonly platform?: Platform;
}

/**
 * Receives messages on a datagram or seqpacket socket, and hands `handler` those whose senders the policy admits: each
 * message is attested and decided by itself.
 * @throws PortcullisError `POLICY_INVALID` with all findings, `PLATFORM_UNSUPPORTED`, `PLATFORM_PROBE`, `GATE_OPTIONS`,
 *   `NAME_UNRESOLVED`, `LISTEN_*`
 */
export async function receiveMessages(settings: MessageSettings, where: MessageTarget, handler: MessageHandler): Promise<MessageReceiver> {
  const { self, plugins, attestors: more } = settings;
  const platform = settings.platform ?? (await loadPlatform());
  const { attestors, messagePort: port, catalogue } = resolveParts(platform, self === undefined ? {} : { self }, plugins, more);
  if (port === undefined) throw new PortcullisError('PLATFORM_UNSUPPORTED', `the senders of messages cannot be attested on ${platform.name}`);
  const policy = typeof settings.policy === 'string' ? requirePolicy(await loadSteadyPolicy(settings.policy, { catalogue })) : settings.policy;
  return receivePlain({ ...settings, policy, attestors, port }, where, handler);
}
