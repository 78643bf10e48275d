import * as asn1js from 'asn1js'

/** What an RDN of a name is made of. `text` is null where the value is not a string; `der` is the value as it stands. */
export interface NameAttribute {
  oid: string
  text: string | null
  der: Uint8Array
}

/** Descriptors registered for LDAP (RFC 4514 §3, RFC 4519), and the e-mail address of PKCS #9. */
const descriptors: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress'
}

/**
 * Reads a DER `Name` (RFC 5280 §4.1.2.4).
 * @returns RDNs in encoding order, the attributes of each in theirs.
 * @throws RangeError when it is not a Name.
 */
export function readName(der: Uint8Array): NameAttribute[][] {
  const { result, offset } = asn1js.fromBER(der)
  if (offset !== der.length || !(result instanceof asn1js.Sequence)) throw new RangeError('not a Name')
  return result.valueBlock.value.map((rdn) => {
    if (!(rdn instanceof asn1js.Set)) throw new RangeError('not an RDN')
    return rdn.valueBlock.value.map((pair) => {
      const [type, value] = pair instanceof asn1js.Sequence ? pair.valueBlock.value : []
      if (!(type instanceof asn1js.ObjectIdentifier) || value === undefined) {
        throw new RangeError('not an AttributeTypeAndValue')
      }
      return {
        oid: type.getValue(),
        text: value instanceof asn1js.BaseStringBlock ? value.getValue() : null,
        der: new Uint8Array(value.toBER())
      }
    })
  })
}

/**
 * A name as RFC 4514 text: most specific RDN first, UTF-8 left as it is (§2.4 asks to escape no more), types
 * without a registered descriptor in dotted form with their value in hex.
 */
export function printName(name: readonly (readonly NameAttribute[])[]): string {
  return name
    .map((rdn) => rdn.map(printAttribute).reverse().join('+'))
    .reverse()
    .join(',')
}

function printAttribute({ oid, text, der }: NameAttribute): string {
  const descriptor = descriptors[oid]
  return descriptor === undefined || text === null
    ? `${descriptor ?? oid}=#${Buffer.from(der).toString('hex').toUpperCase()}`
    : `${descriptor}=${escapeValue(text)}`
}

/** RFC 4514 §2.4; control characters as hex pairs of their UTF-8, so that a name stays on one line. */
function escapeValue(text: string): string {
  return text
    .replace(/[\\"+,;<>]/g, '\\$&')
    .replace(/\p{Cc}/gu, (character) =>
      Buffer.from(character, 'utf8').toString('hex').toUpperCase().replace(/../g, '\\$&')
    )
    .replace(/^[ #]|(?<=.) $/gs, '\\$&')
}
