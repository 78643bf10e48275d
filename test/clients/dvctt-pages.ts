import type { Tab } from './browser.js'

/** A signer, as the portal's forms take one. */
export interface FormSigner {
  authority: string
  login: string
  password: string | null
  fullName: string
}

/** A unit, as the registration form takes it. */
export interface FormUnit {
  name: string
  code: string
  account: string
}

/** Where members stand in an empty form; those added follow. */
export const places = { accountant: 0, chiefAccountant: 1, accountHolder: 2 } as const
const contact = { email: 'donvi@example.vn', phone: '024 1234 5678' }

/** The pages of the reference portal, pressed and filled in by a person at a browser. */
export class DvcttPages {
  constructor(
    readonly tab: Tab,
    readonly origin: string
  ) {}

  async open(path: string): Promise<void> {
    await this.tab.page.goto(`${this.origin}${path}`)
  }

  path(): string {
    return new URL(this.tab.page.url()).pathname
  }

  /** Fills fields by their names; that of a member begins with its place in the form, as in `1.login`. */
  async fill(values: Record<string, string>): Promise<void> {
    await this.tab.page.evaluate(`for (const [name, value] of Object.entries(${JSON.stringify(values)})) {
      const [, place, rest] = /^(\\d+)\\.(\\w+)$/.exec(name) ?? []
      const field = place === undefined
        ? document.querySelector('[name="' + name + '"]')
        : document.querySelectorAll('fieldset[data-role]')[place].querySelector('[name$=".' + rest + '"]')
      if (field === null) throw new Error('no field ' + name)
      field.value = value
      field.dispatchEvent(new Event('change', { bubbles: true }))
    }`)
  }

  /** Presses a button and waits for the page it leads to. */
  async press(selector: string): Promise<void> {
    await Promise.all([this.tab.page.waitForNavigation(), this.tab.press(selector)])
  }

  async fault(): Promise<string> {
    return (await this.tab.text('.fault')).replaceAll(/\s+/g, ' ').trim()
  }

  async state(): Promise<string> {
    return this.tab.text('.state')
  }

  /** An empty form, filled in with a unit, an accountant and two signers, whose certificates are not fetched yet. */
  async fillRegistration(unit: FormUnit, chief: FormSigner, holder: FormSigner): Promise<void> {
    await this.open('/')
    await this.press('button[name=unit][value=""]')
    const { name, code: unitCode, account: accounts } = unit
    await this.fill({ treasuryCode: '0064', unitCode, name, accounts, ...contact })
    await this.fillMember(places.accountant, 'Vũ Minh Châu')
    await this.fillMember(places.chiefAccountant, chief.fullName)
    await this.fillMember(places.accountHolder, holder.fullName)
    await this.tab.change('[name=services]', 'it.checked = true')
    await this.fillSigner(places.chiefAccountant, chief)
    await this.fillSigner(places.accountHolder, holder)
  }

  private async fillMember(place: number, fullName: string): Promise<void> {
    const values = Object.entries({ fullName, ...contact })
    await this.fill(Object.fromEntries(values.map(([name, value]) => [`${place}.${name}`, value])))
  }

  async fillSigner(place: number, { authority, login, password }: FormSigner): Promise<void> {
    const values = Object.entries({ authority, login, ...(password === null ? {} : { password }) })
    await this.fill(Object.fromEntries(values.map(([name, value]) => [`${place}.${name}`, value])))
  }

  /** "Lấy thông tin". */
  async fetchInfo(place: number): Promise<void> {
    await this.press(`fieldset[data-role]:nth-of-type(${place + 2}) button[value^="info:"]`)
  }

  /**
   * All certificates, then "Ghi hồ sơ", then "Hoàn thiện hồ sơ".
   * @param deputies Of the account holder. @returns The number.
   */
  async register(
    unit: FormUnit,
    chief: FormSigner,
    holder: FormSigner,
    deputies: readonly FormSigner[] = []
  ): Promise<string> {
    await this.fillRegistration(unit, chief, holder)
    await this.fetchInfo(places.chiefAccountant)
    // A password does not come back with the page.
    await this.fillSigner(places.accountHolder, holder)
    await this.fetchInfo(places.accountHolder)
    for (const [index, deputy] of deputies.entries()) {
      const place = places.accountHolder + 1 + index
      await this.fill({ role: 'deputyAccountHolder' })
      await this.press('button[value=add]')
      await this.fillMember(place, deputy.fullName)
      await this.fillSigner(place, deputy)
      await this.fetchInfo(place)
    }
    await this.press('button[value=save]')
    await this.press('form[action$="/complete"] button')
    return this.path().split('/').at(-1) ?? ''
  }

  /** Presses "Phê duyệt" and stays on the page that waits, or where it led. */
  async approve({ authority, login, password }: FormSigner): Promise<void> {
    await this.fill({ authority, login, ...(password === null ? {} : { password }) })
    await this.press('form.approve button')
  }

  /** Waits on the waiting page until it goes on by itself. */
  async answered(): Promise<void> {
    await this.tab.page.waitForFunction("document.querySelector('[data-poll]') === null")
  }

  async sign(signer: FormSigner): Promise<void> {
    await this.approve(signer)
    await this.answered()
  }

  /** Plays the treasury for a dossier. */
  async treasury(number: string): Promise<void> {
    await this.open('/treasury')
    await this.press(`form[action*="/${number}/"] button`)
  }

  /** A payment dossier from the form that the example fills in, submitted. @returns The number. */
  async prepare(unitCode: string): Promise<string> {
    await this.open(`/payments/new?unit=${unitCode}`)
    await this.press('main button.main')
    await this.press('form[action$="/submit"] button')
    return this.path().split('/').at(-1) ?? ''
  }

  /** The files that the page offers. */
  async files(): Promise<{ name: string; pdf: Buffer }[]> {
    const links = (await this.tab.page.evaluate(
      "[...document.querySelectorAll('.files a')].map(({ href }) => href)"
    )) as string[]
    return Promise.all(
      links.map(async (href) => ({
        name: href.split('/').at(-1) ?? '',
        pdf: Buffer.from(await (await fetch(href)).arrayBuffer())
      }))
    )
  }
}
