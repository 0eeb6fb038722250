import type { Credentials } from '#ports/registry-client.ts';
import type { Scale } from '#domain/app/scale.ts';
import type { AppEvent } from './events.ts';

export type Emit = (event: AppEvent) => void;

/** Why and how an app is made as a target says. */
export interface Change {
  /** The command in words, for the history: `up`, `rollback to revision 3` ... */
  reason: string;
  /** Who asked for it. */
  by: string;
  folder: string;
  files: string[];
  /** Fingerprint of the compose files' texts; '' without them. */
  sources: string;
  /** Build images again whose context did not change. */
  rebuild: boolean;
  /** Seconds that a service may take to become healthy, or to complete. */
  timeout: number;
  /** Instead of the scale in force. */
  scale?: Scale;
  /** Only this part of the replicas, beside the present ones: above 0, at most 1. */
  canary?: number;
  /** The id of the plan that was shown: nothing else is done. */
  plan?: string;
  /** The revision to which it goes back. */
  of?: number;
  /** It goes back to what was before: the rules of `deploy.rollback_config` hold. */
  isBack?: true;
  /** Services whose containers are made anew, as they are to be anyway. */
  renew?: ReadonlySet<string>;
  /** Credentials by registry, for its images. */
  auths?: Record<string, Credentials>;
  /** Path of the socket of the SSH agent of who asks, for builds. */
  sshAgent?: string;
  /** Services whose containers stay stopped; absent: none. */
  stopped?: readonly string[];
}
