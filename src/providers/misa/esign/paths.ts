/** Where people log in (§5.1): under the root, and under `/webdev`. */
const root = '/api/auth/api/v1/auth'
const webdev = `/webdev${root}`

/** Login and second factor answer at both. */
export const loginPaths = (call: 'login-api' | 'two-factor-auth') =>
  [
    { path: `${webdev}/${call}`, atRoot: false },
    { path: `${root}/${call}`, atRoot: true }
  ] as const

/** What is documented under `/webdev` alone. */
export const webdevPath = (call: 'resend-otp-auth' | 'refreshtoken') => `${webdev}/${call}`

/** Whether a call answers in the envelope of logins; all others answer bare values and errors. */
export const inLoginEnvelope = (path: string) =>
  /\/auth\/(login-api|two-factor-auth|resend-otp-auth)$/.test(path)

/** Where certificates are listed and hashes signed: under the root alone. */
export const certificatesPath = '/external/esrm/service/general/api/v1/Certificates'
export const signingPath = '/external/esrm/service/signing/api/v1/Signing'
/** Where documents are hashed and signatures embedded. */
export const documentsPath = '/external/esrm/service/document/api/v1/documents'
