/** Where the files of a CA are served, as certificates name them. The publication surface answers there. */
export interface Addresses {
  certificate(name: string): string
  list(name: string): string
  ocsp(provider: string): string
}

/** @param baseUrl `PKI_URL`, without a trailing slash. */
export function addressesAt(baseUrl: string): Addresses {
  return {
    certificate: (name) => `${baseUrl}/pki/${name}.cer`,
    list: (name) => `${baseUrl}/pki/${name}.crl`,
    ocsp: (provider) => `${baseUrl}/pki/${provider}/ocsp`
  }
}
