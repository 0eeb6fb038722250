/** What the state store holds of a volume. Its data lie in `mountpoint`. */
export interface Volume {
  name: string;
  driver: 'local';
  /** RFC 3339. */
  created: string;
  mountpoint: string;
  labels: Record<string, string>;
  options: Record<string, string>;
  anonymous: boolean;
  app?: string;
}
