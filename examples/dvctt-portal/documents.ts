/** The portal's records as the documents that people sign. */
import type { Payment } from './domain/payment.js'
import { roles } from './domain/people.js'
import type { PdfFile, Registration } from './domain/registration.js'
import { makeDeclarations } from './pdf/declarations.js'
import { makePaymentOrder } from './pdf/dossier.js'

/** Both declarations of a registration. */
export function declarationsOf(registration: Registration): Promise<PdfFile[]> {
  const { number, createdAt: declaredAt, unit, accounts, members, replaces } = registration
  return makeDeclarations({
    number,
    kind: replaces === null ? 'Đăng ký mới' : `Đăng ký thay đổi sử dụng DVC (hồ sơ ${replaces})`,
    unit,
    accounts,
    services: unit.services,
    members: members.map(({ fullName, role, email, phone, means }) => ({
      fullName,
      role: roles[role].label,
      email,
      phone,
      certificate:
        means === null
          ? null
          : means.kind === 'token'
            ? { ...means, provider: null }
            : { ...means.certificate, kind: 'remote', provider: means.authorityLabel }
    })),
    declaredAt
  })
}

/** The order to pay of a payment dossier. */
export async function paymentOrderOf(
  payment: Omit<Payment, 'document' | 'state' | 'signatures' | 'accountHolderId'>
): Promise<PdfFile> {
  const { number, createdAt: madeAt, purpose, lines } = payment
  const { unitName, unitCode, account, treasuryCode, beneficiary, beneficiaryAccount, beneficiaryBank } =
    payment
  const pdf = await makePaymentOrder({
    number,
    madeAt,
    unit: { name: unitName, code: unitCode, account, treasuryCode },
    payee: { name: beneficiary, account: beneficiaryAccount, bank: beneficiaryBank },
    purpose,
    lines
  })
  return { name: `uynhiemchi-${number}.pdf`, pdf }
}
