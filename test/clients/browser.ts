import { existsSync } from 'node:fs'
import { type Browser, launch, type Page } from 'puppeteer-core'

/** A browser of the system: Debian's, or one that calls itself otherwise; undefined: there is none. */
export const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path)
)
/** The screen of a telephone. */
const screen = { width: 390, height: 844, deviceScaleFactor: 1, isMobile: true, hasTouch: true }

/** Without a window, in Vietnamese, and gone with `t`. */
export async function startBrowser(t: { teardown(work: () => Promise<void>): void }): Promise<Browser> {
  const browser = await launch({
    executablePath: chromium ?? '',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--accept-lang=vi-VN'],
    defaultViewport: screen
  })
  t.teardown(() => browser.close())
  return browser
}

/**
 * A tab of a person of their own. Selectors are CSS. What runs in the page is given as text, since the types of the
 * server's house know no page.
 */
export class Tab {
  readonly page: Page
  /** Requests to others than its origin, breaches of its policy, and its own faults. */
  readonly strange: string[] = []
  readonly close: () => Promise<void>

  private constructor(page: Page, origin: string, close: () => Promise<void>) {
    this.page = page
    this.close = close
    page.setDefaultTimeout(30_000)
    page.on('request', (request) => {
      if (!request.url().startsWith(`${origin}/`)) this.strange.push(request.url())
    })
    page.on('console', (message) => {
      if (/Content Security Policy|TrustedHTML/.test(message.text())) this.strange.push(message.text())
    })
    page.on('pageerror', (error) => this.strange.push(String(error)))
  }

  static async open(browser: Browser, origin: string): Promise<Tab> {
    const context = await browser.createBrowserContext()
    return new Tab(await context.newPage(), origin, () => context.close())
  }

  /** What a person reads there; empty where nothing is. */
  async text(selector: string): Promise<string> {
    return String(await this.page.evaluate(`${one(selector)}?.textContent ?? ''`))
  }

  async press(selector: string): Promise<void> {
    await this.page.evaluate(`${one(selector)}.click()`)
  }

  async disabled(selector: string): Promise<boolean> {
    return (await this.page.evaluate(`${one(selector)}.disabled`)) === true
  }

  /** Runs a statement in which `it` is the element. */
  async change(selector: string, statement: string): Promise<void> {
    await this.page.evaluate(`{ const it = ${one(selector)}; ${statement} }`)
  }

  async values(selector: string): Promise<string[]> {
    return this.page.evaluate(
      `[...document.querySelectorAll(${JSON.stringify(selector)})].map(({ value }) => value)`
    ) as Promise<string[]>
  }

  /** Waits until something is there, and something is said there. */
  async said(selector: string): Promise<void> {
    await this.page.waitForFunction(`(${one(selector)}?.textContent ?? '') !== ''`)
  }

  async gone(selector: string): Promise<void> {
    await this.page.waitForFunction(`${one(selector)} === null`)
  }

  /** What cannot be pressed by a thumb or has no name, and whether the page is wider than the screen. */
  async inaccessible(): Promise<string[]> {
    return this.page.evaluate(`(() => {
      const wrong = [...document.querySelectorAll('button, input:not([type=hidden])')].flatMap((control) => {
        const { width, height } = (control.closest('label') ?? control).getBoundingClientRect()
        const named = control.matches('input') ? control.labels.length > 0 : control.textContent.trim() !== ''
        const small = width > 0 && (width < 44 || height < 44)
        return small || !named ? [(control.textContent || control.name) + ': ' + width + ' x ' + height] : []
      })
      return document.documentElement.scrollWidth > innerWidth ? [...wrong, 'wider than the screen'] : wrong
    })()`) as Promise<string[]>
  }
}

const one = (selector: string) => `document.querySelector(${JSON.stringify(selector)})`

/**
 * Gives a page an authenticator of the platform.
 * @see https://chromedevtools.github.io/devtools-protocol/tot/WebAuthn/
 */
export async function virtualAuthenticator(page: Page) {
  const session = await page.createCDPSession()
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true
    }
  })
  return {
    /** Whether it will recognise its owner. */
    recognises: (isUserVerified: boolean) =>
      session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  }
}
