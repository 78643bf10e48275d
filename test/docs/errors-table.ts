import { faultOf, invalidRequestText } from '../../src/csc/faults.js'
import { type ErrorCode, errorCodes, ServiceError } from '../../src/errors.js'
import { problemStatus } from '../../src/http/problem.js'

/** The table of docs/errors.md: every code, and how it looks on our own surfaces and in CSC. */
export function errorsTable(): string {
  const rows = (Object.keys(errorCodes) as ErrorCode[]).map((code) => {
    const { statusCode, error, description } = faultOf(new ServiceError(code, ''), 'credentialID')
    return `| \`${code}\` | ${errorCodes[code]} | ${problemStatus[code]} | ${statusCode} \`${error}\` | ${shown(description)} |`
  })
  return ['| Code | Means | HTTP | CSC | `error_description` |', '|---|---|---|---|---|', ...rows].join('\n')
}

const shown = (description: string): string =>
  description === invalidRequestText ? "(the standard's text for it)" : description
