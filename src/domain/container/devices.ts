import { invalid } from '#base/errors.ts';
import type { DeviceRule, DeviceSpec } from '#domain/container/runtime-spec.ts';
import type { ResolvedDevice } from '#domain/container/spec-input.ts';

const character = (major: number, minor: number, allow = true): DeviceRule => ({
  allow,
  type: 'c',
  major,
  minor,
  access: 'rwm',
});

/** Nothing but zero, null, urandom, random, tty and console; fuse is named so that a later rule must allow it. */
const defaultRules: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  character(1, 5),
  character(1, 3),
  character(1, 9),
  character(1, 8),
  character(5, 0),
  character(5, 1),
  character(10, 229, false),
];

export interface DeviceRequest {
  privileged: boolean;
  devices: ResolvedDevice[];
  /** HostConfig.DeviceCgroupRules. */
  rules: string[];
}

/** @throws invalid `device-rule` with Docker's words */
export function deviceRules(request: DeviceRequest): DeviceRule[] {
  if (request.privileged) return [{ allow: true, access: 'rwm' }];
  const asked = request.devices.map((device) => ({
    allow: true,
    type: device.type,
    major: device.major,
    minor: device.minor,
    access: device.permissions,
  }));
  return [...defaultRules, ...asked, ...request.rules.map(parseRule)];
}

/** The nodes to make; the runtime itself makes null, zero, full, random, urandom, tty, console and ptmx. */
export function deviceNodes(devices: ResolvedDevice[]): DeviceSpec[] {
  return devices.map((device) => ({
    type: device.type,
    path: device.pathInContainer,
    major: device.major,
    minor: device.minor,
    fileMode: device.mode,
    uid: device.uid,
    gid: device.gid,
  }));
}

function parseRule(text: string): DeviceRule {
  const [, type, major = '', minor = '', access] =
    /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text) ?? [];
  if (type === undefined || access === undefined)
    throw invalid('device-rule', `invalid device cgroup rule format: '${text}'`, {
      hint: "Write it as '<a|b|c> <major|*>:<minor|*> <rwm>'.",
    });
  const rule: DeviceRule = { allow: true, type, access };
  if (major !== '*') rule.major = Number(major);
  if (minor !== '*') rule.minor = Number(minor);
  return rule;
}
