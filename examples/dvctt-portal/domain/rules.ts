/**
 * The rules that the treasury's letters state for remote signing, each one a function that refuses with a sentence for
 * the person at the portal. Pure: time, lists and records are handed in.
 */
import { X509Certificate } from 'node:crypto'
import { refusedAuthorities } from '../authorities/refused.js'
import type { AuthorityId, RemoteAuthority, SignerCertificate } from '../authorities/remote-authority.js'
import {
  type Member,
  meansLabels,
  type RegisteredCertificate,
  type RemoteMeans,
  roles,
  type SigningMeans,
  seatLabels,
  signersOf
} from './people.js'
import { Refusal } from './refusal.js'

/** Shortest RSA modulus in bits. */
const rsaBitsMin = 2048

/**
 * R1, R2: the providers are those of the portal's list, four at launch. One that joins is one more entry of the list;
 * nothing here changes.
 */
export function authorityNamed(authorities: readonly RemoteAuthority[], id: string): RemoteAuthority {
  refuseKnown(id)
  const found = authorities.find((authority) => authority.id === id)
  if (found !== undefined) return found
  const labels = authorities.map(({ label }) => label).join(', ')
  throw new Refusal('R1', `Hãy chọn một nhà cung cấp trong danh sách: ${labels}.`)
}

/** R3: certificates of the Government Cipher Committee (BCY) are not served by remote signing yet. Known, and refused. */
export function refuseKnown(id: string): void {
  const refused = refusedAuthorities.find((one) => one.id === id)
  if (refused !== undefined) throw new Refusal('R3', refused.reason)
}

/** R4: at any one time a unit uses either remote signing or USB tokens, so all its signers use the same. */
export function oneKindOfSigning(members: readonly Pick<Member, 'means'>[]): SigningMeans['kind'] | null {
  return oneKindOfKinds(members.flatMap(({ means }) => (means === null ? [] : [means.kind])))
}

/** R4, while a form is filled in. */
export function oneKindOfKinds(chosen: readonly SigningMeans['kind'][]): SigningMeans['kind'] | null {
  const kinds = new Set(chosen)
  if (kinds.size > 1) {
    throw new Refusal(
      'R4',
      'Trong cùng một thời điểm, đơn vị chỉ dùng một hình thức: ký số từ xa hoặc USB token. ' +
        'Hãy chọn cùng một hình thức cho tất cả người ký.'
    )
  }
  return [...kinds][0] ?? null
}

/**
 * R4, R7: while a registration is in force another one is a change of it; what the unit uses does not change beside it.
 * @param inForce Number and kind of what the unit uses now; null: nothing. @param replaces What the new one changes.
 */
export function changesWhatIsInForce(
  inForce: { number: string; kind: SigningMeans['kind'] } | null,
  replaces: string | null
): void {
  if (inForce === null && replaces === null) return
  if (inForce !== null && inForce.number === replaces) return
  if (inForce === null)
    throw new Refusal('R7', 'Đơn vị không còn đăng ký nào đang hiệu lực. Hãy lập đăng ký mới.')
  throw new Refusal(
    replaces === null ? 'R4' : 'R7',
    `Đơn vị đang dùng ${meansLabels[inForce.kind]} theo hồ sơ ${inForce.number}. ` +
      'Hãy mở hồ sơ đó và chọn "Đăng ký thay đổi sử dụng DVC".'
  )
}

/** R5: a signature comes of a confirmation on the signer's registered device; a token has none, nor has this example a reader. */
export function confirmsOnDevice(means: SigningMeans | null): RemoteMeans {
  if (means?.kind === 'remote') return means
  throw new Refusal(
    'R5',
    'Người này đã đăng ký USB token. Cổng mẫu chỉ ký được từ xa và không đọc được USB token. ' +
      'Hãy lập đăng ký thay đổi để chuyển sang ký số từ xa.'
  )
}

/** R6: RSA of 2048 bits or more; the portal's signatures are RSA with SHA-256. */
export function acceptableKey({ chain }: Pick<SignerCertificate, 'chain'>): void {
  const [leaf] = chain
  const key = leaf === undefined ? null : new X509Certificate(leaf).publicKey
  const bits = key?.asymmetricKeyType === 'rsa' ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0
  if (bits >= rsaBitsMin) return
  throw new Refusal(
    'R6',
    'Cổng dùng chữ ký RSA từ 2048 bit với SHA-256. Hãy chọn chứng thư số RSA ở nhà cung cấp.'
  )
}

/**
 * R7: who signs does so with the certificate that was registered. Another one, even of the same person, is a new
 * registration ("Đăng ký thay đổi sử dụng DVC"); the record that is there stays as it is.
 * @returns Of those offered the one that is registered.
 */
export function registeredCertificate(
  { serialNumber }: RegisteredCertificate,
  offered: readonly SignerCertificate[],
  now: Date
): SignerCertificate {
  const found = offered.find((certificate) => certificate.serialNumber === serialNumber)
  if (found === undefined) {
    throw new Refusal(
      'R7',
      `Nhà cung cấp không có chứng thư số đã đăng ký (số sê-ri ${serialNumber}). Nếu chứng thư số đã thay, ` +
        'hãy lập "Đăng ký thay đổi sử dụng DVC" trước khi ký.'
    )
  }
  validNow(found, now)
  return found
}

/** A certificate serves from its first moment to its last. */
export function validNow({ notBefore, notAfter }: RegisteredCertificate, now: Date): void {
  if (now < notBefore)
    throw new Refusal('R7', 'Chứng thư số chưa đến ngày hiệu lực. Hãy đợi đến ngày đó rồi thử lại.')
  if (now > notAfter) {
    throw new Refusal(
      'R7',
      'Chứng thư số đã hết hạn. Hãy gia hạn ở nhà cung cấp, rồi lập đăng ký thay đổi sử dụng DVC.'
    )
  }
}

/** People: signers hold personal certificates that name their organisation and their title in it. */
export function namesOrganisationAndTitle({ organisation, title }: RegisteredCertificate): void {
  if (organisation !== null && title !== null) return
  throw new Refusal(
    'people',
    'Chứng thư số phải là chứng thư cá nhân có tên tổ chức và chức danh. Hãy liên hệ nhà cung cấp để được cấp đúng loại.'
  )
}

/** People: at least one chief accountant and one account holder, and nobody's certificate twice. */
export function enoughSigners(members: readonly Member[]): void {
  for (const seat of ['chiefAccountant', 'accountHolder'] as const) {
    if (!members.some(({ role }) => role === seat))
      throw new Refusal('people', `Đơn vị cần ít nhất một ${seatLabels[seat]}. Hãy thêm thành viên này.`)
  }
  const seen = new Set<string>()
  for (const { means, fullName } of members) {
    if (means === null) continue
    const serial = means.kind === 'remote' ? means.certificate.serialNumber : means.serialNumber
    if (seen.has(serial)) {
      throw new Refusal(
        'people',
        `Chứng thư số ${serial} của ${fullName} được khai hai lần. Mỗi người ký cần một chứng thư số riêng.`
      )
    }
    seen.add(serial)
  }
}

/** Order: the one who signs is a registered signer of the place whose turn it is, by provider and login. */
export function signerFor(
  members: readonly Member[],
  seat: keyof typeof seatLabels,
  who: { authority: AuthorityId; login: string }
): Member & { means: RemoteMeans } {
  const candidates = signersOf(members, seat)
  if (candidates.length > 0 && candidates.every(({ means }) => means?.kind === 'token'))
    confirmsOnDevice(candidates[0]?.means ?? null)
  for (const member of candidates) {
    const { means } = member
    if (means?.kind === 'remote' && means.authority === who.authority && means.login === who.login)
      return { ...member, means }
  }
  const other = members.find(
    ({ means }) => means?.kind === 'remote' && means.authority === who.authority && means.login === who.login
  )
  if (other !== undefined) {
    throw new Refusal(
      'order',
      `Lúc này cần chữ ký của ${seatLabels[seat]} hoặc người được ủy quyền; ` +
        `${other.fullName} đã đăng ký là ${roles[other.role].label}.`
    )
  }
  throw new Refusal(
    'R7',
    `Nhà cung cấp và tên đăng nhập này không phải của ${seatLabels[seat]} đã đăng ký. ` +
      'Hãy kiểm tra lại; nếu chứng thư số đã thay, hãy lập đăng ký thay đổi sử dụng DVC.'
  )
}
