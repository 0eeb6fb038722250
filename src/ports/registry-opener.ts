export interface RegistryListener {
  address: string;
  port: number;
  /** PEM texts; absent: plain HTTP. */
  tls?: { cert: string; key: string };
}

/** An open listener. */
export interface OpenRegistry {
  /** The port in use, also when 0 was asked for. */
  port: number;
  /** For connections to come. */
  renew: (tls: { cert: string; key: string }) => void;
  /** Stops accepting, lets what runs end for a moment and cuts the rest. */
  close(): Promise<void>;
}

/** Serves the registry's HTTP API. */
export interface RegistryOpener {
  /** @throws unavailable `address-failed` */
  open(listener: RegistryListener): Promise<OpenRegistry>;
}
