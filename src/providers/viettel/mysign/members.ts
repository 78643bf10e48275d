import type { Findings } from '../../dialect/findings.js'

/** Characters of an id, at most. */
const idMax = 256

/**
 * A member that names something, under whatever spelling: listings say `credential_id` where `signHash` wants
 * `credentialID`.
 * @throws ServiceError `request_invalid` where it is missing, and for a strict relying party where it is spelled otherwise.
 */
export function readSpelled(body: object, name: string, findings: Findings): string {
  const members = Object.entries(body)
  const [key, value] =
    members.find(([one]) => one === name) ?? members.find(([one]) => folded(one) === folded(name)) ?? []
  if (key !== undefined && typeof value === 'string' && value !== '' && value.length <= idMax) {
    if (key !== name)
      findings.forgive({
        code: 'member_misspelled',
        field: name,
        found: `The member is spelled ${key.slice(0, 40)}.`,
        remedy: `Spell it ${name}.`
      })
    return value
  }
  return findings.refuse({
    code: 'member_missing',
    field: name,
    found: `${name} is missing, empty or not a text of at most ${idMax} characters.`,
    remedy: `Send ${name}.`
  })
}

const folded = (key: string): string => key.replaceAll('_', '').toLowerCase()

/**
 * A whole number that clients also send as text, as the service itself does.
 * @throws ServiceError `request_invalid` for text from a strict relying party.
 */
export function readNumber(value: number | string, field: string, findings: Findings): number {
  if (typeof value === 'number') return value
  findings.forgive({
    code: 'number_as_text',
    field,
    found: `${field} is sent as text.`,
    remedy: `Send ${field} as a number.`
  })
  return Number(value)
}
