import { setTimeout as sleep } from 'node:timers/promises'
import { said } from '../reading/values.js'
import { Failure, NotOffered } from '../rule.js'
import { type Form, readPage } from './html.js'
import { type Answer, send } from './http.js'

/** Where a walk through somebody's pages ended. */
export interface Visit {
  /** The query of the redirect back to the application, or null when there was none. */
  redirect: URLSearchParams | null
  /** The last page, or the redirect. */
  last: Answer
}

/** Who walks through the pages. */
export interface Visitor {
  /** Where the walk ends. */
  redirectUri: string
  user: string | null
  password: string | null
  /** A one-time code that a page asks for. */
  code(): Promise<string>
  /** The login was sent: whatever comes now asks the phone. */
  loggedIn?(): void
}

const stepsMax = 400
const walkTimeoutMs = 150_000

/**
 * Opens an address as a browser without scripts does, fills in the login and goes on until it is sent back to the
 * application, or a page says no.
 * @throws NotOffered for a page that leads nowhere without a script. Failure when it never ends.
 */
export async function walk(start: string, visitor: Visitor): Promise<Visit> {
  const cookies = new Map<string, string>()
  const giveUpAt = performance.now() + walkTimeoutMs
  const filled = { login: 0, code: 0, plain: 0 }
  let next: { url: string; form: string | null } = { url: start, form: null }

  for (let step = 0; step < stepsMax && performance.now() < giveUpAt; step += 1) {
    const { url, form } = next
    const answer = await send(url, {
      method: form === null ? 'GET' : 'POST',
      headers: {
        accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.5',
        ...(cookies.size === 0 ? {} : { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }),
        // What browsers say of a form, for servers that look where it comes from.
        ...(form === null
          ? {}
          : {
              'content-type': 'application/x-www-form-urlencoded',
              origin: new URL(url).origin,
              referer: url
            })
      },
      ...(form === null ? {} : { body: form })
    })
    keep(cookies, answer)

    const location = answer.headers.get('location')
    if (answer.status >= 300 && answer.status < 400 && location !== null) {
      const target = new URL(location, url)
      if (isBack(target, visitor.redirectUri)) return { redirect: target.searchParams, last: answer }
      next = { url: target.href, form: null }
      continue
    }
    const page = readPage(answer.text)
    const login = page.forms.find(asksLogin)
    if (answer.status >= 400 && login === undefined) return { redirect: null, last: answer }
    if (login !== undefined) {
      const asksCode = filled.login > 0 && login.inputs.some(isCode)
      if (!asksCode && filled.login > 0) return { redirect: null, last: answer } // it asks again: the login was refused
      filled[asksCode ? 'code' : 'login'] += 1
      if (filled.code > 1) return { redirect: null, last: answer }
      next = submit(url, login, await values(login, visitor, asksCode))
      visitor.loggedIn?.()
      continue
    }
    if (page.refresh !== null) {
      await sleep(Math.min(page.refresh.afterS, 5) * 1000)
      next = { url: new URL(page.refresh.url, url).href, form: null }
      continue
    }
    const consent = page.forms.find((one) => one.method === 'post' && approving(one) !== null)
    if (consent === undefined || filled.plain === 3) {
      throw new NotOffered(`the page cannot be followed without a script: ${said(answer).slice(0, 200)}`)
    }
    filled.plain += 1
    next = submit(url, consent, {})
  }
  throw new Failure('the pages came to no end')
}

/** The same address, whatever its query. */
function isBack(target: URL, redirectUri: string): boolean {
  const wanted = new URL(redirectUri)
  return target.origin === wanted.origin && target.pathname === wanted.pathname
}

function keep(cookies: Map<string, string>, { headers }: Answer): void {
  for (const line of headers.getSetCookie()) {
    const [pair = '', ...attributes] = line.split(';')
    const [name = '', ...value] = pair.split('=')
    const gone = attributes.some((one) => /^\s*(max-age=(0|-\d+)|expires=.*\b19\d\d\b.*)\s*$/i.test(one))
    if (gone) cookies.delete(name.trim())
    else cookies.set(name.trim(), value.join('='))
  }
}

type Input = Form['inputs'][number]
const isText = ({ type = 'text' }: Input): boolean => /^(text|email|tel|number|password)$/.test(type)
const isCode = ({ autocomplete = '', name = '' }: Input): boolean =>
  /one-time-code/i.test(autocomplete) || /otp|code/i.test(name)
const asksLogin = ({ inputs }: Form): boolean => inputs.some(isText)

/** The button that says yes, or null where there is only one that says no. */
function approving({ inputs }: Form): Input | null {
  const no = /cancel|deny|reject|refuse|decline|hủy|huỷ|từ chối/i
  const buttons = inputs.filter(({ type }) => type === 'submit')
  return buttons.find(({ label, value = '', name = '' }) => !no.test(`${label} ${value} ${name}`)) ?? null
}

async function values(form: Form, { user, password, code }: Visitor, asksCode: boolean) {
  const filled: Record<string, string> = {}
  for (const input of form.inputs) {
    const { name, type } = input
    if (name === undefined || !isText(input)) continue
    if (asksCode && isCode(input)) filled[name] = await code()
    else if (type === 'password') filled[name] = password ?? ''
    else if (user === null) throw new NotOffered('--user is needed')
    else filled[name] = user
  }
  return filled
}

function submit(
  page: string,
  form: Form,
  filled: Record<string, string>
): { url: string; form: string | null } {
  const fields = new URLSearchParams()
  const button = approving(form)
  for (const input of form.inputs) {
    const { name, type = 'text', value = '' } = input
    if (name === undefined || 'disabled' in input || type === 'reset' || type === 'button') continue
    if (type === 'submit' && input !== button) continue
    if ((type === 'checkbox' || type === 'radio') && !('checked' in input)) continue
    fields.append(name, filled[name] ?? value)
  }
  const url = new URL(form.action === '' ? page : form.action, page)
  if (form.method === 'post') return { url: url.href, form: fields.toString() }
  url.search = fields.toString()
  return { url: url.href, form: null }
}
