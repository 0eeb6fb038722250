/** Credentials for a registry, as Docker's clients send them (AuthConfig). */
export interface RegistryCredentials {
  username?: string;
  password?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** One line of the progress of a pull or push (JSONMessage). */
export interface TransferLine {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  aux?: Record<string, unknown>;
  error?: string;
}

/** POST /auth. */
export interface LoginAnswer {
  Status: string;
  IdentityToken?: string;
}
