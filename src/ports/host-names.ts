export interface HostName {
  name: string;
  /** IPv4 and IPv6. */
  addresses: string[];
}

/** Names that programs of the host itself resolve. */
export interface HostNames {
  /** Makes these, and no others, the names of this instance; what others have put there stays. */
  set(names: HostName[]): Promise<void>;
}
