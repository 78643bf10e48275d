/** Builds whole requests of one relying party, or of an operator, ready to be written to a connection. */
export interface RequestWriter {
  /** A POST of JSON to a method of the API, such as `/signatures/signHash`. */
  post(method: string, body: object): Buffer
}

/** @param base Such as `http://127.0.0.1:8080/vnpt/csc/v2`. @param token The access token. */
export function createRequestWriter(base: string, token: string): RequestWriter {
  const { pathname, host } = new URL(base)
  const path = pathname.replace(/\/$/, '')
  const rest = `Host: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n`
  return {
    post(method, body) {
      const text = JSON.stringify(body)
      return Buffer.from(
        `POST ${path}${method} HTTP/1.1\r\n${rest}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
      )
    }
  }
}

/** Builds whole requests of devices to the phone API. */
export interface PhoneWriter {
  /** @param token The device's proof of who it is, for this request alone. */
  get(path: string, token: string): Buffer
  post(path: string, token: string, body: object): Buffer
}

/** @param base Such as `http://127.0.0.1:8080/vnpt/phone`. */
export function createPhoneWriter(base: string): PhoneWriter {
  const { pathname, host } = new URL(base)
  const path = pathname.replace(/\/$/, '')
  const head = (method: string, call: string, token: string) =>
    `${method} ${path}${call} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nConnection: keep-alive\r\n`
  return {
    get: (call, token) => Buffer.from(`${head('GET', call, token)}\r\n`),
    post(call, token, body) {
      const text = JSON.stringify(body)
      return Buffer.from(
        `${head('POST', call, token)}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
      )
    }
  }
}
