/** A provider that is known, and cannot be chosen. */
export interface RefusedAuthority {
  id: string
  label: string
  /** Why, for the person at the portal. */
  reason: string
}

/** Known providers whose certificates do not sign remotely at the Treasury. */
export const refusedAuthorities: readonly RefusedAuthority[] = [
  {
    id: 'bcy',
    label: 'Ban Cơ yếu Chính phủ',
    reason:
      'Chứng thư số của Ban Cơ yếu Chính phủ chưa dùng được cho ký số từ xa. Hãy chọn nhà cung cấp khác hoặc dùng USB token.'
  }
]
