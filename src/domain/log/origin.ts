/** Who sends messages: part of each one in the formats of syslog. */
export interface LogOrigin {
  hostName: string;
  processId: number;
  /** Minutes that the host's time zone is ahead of UTC at a moment (RFC 3339). */
  zoneMinutes: (time: string) => number;
}
