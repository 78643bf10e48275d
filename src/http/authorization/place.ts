import type { FastifyRequest } from 'fastify'

/** Whose pages they are. */
export interface PagesProvider {
  id: string
  label: string
  /** The brand, for people. */
  names: { readonly vi: string; readonly en: string }
  login: { readonly asksPassword: boolean }
}

/** Where the pages of an API are, as the browser sees it. */
export interface PagePlace {
  /** Path of the authorization endpoint; those of a request are below it. */
  endpoint(request: FastifyRequest): string
  /** Path of what all pages share, without a trailing slash: style, script and logo. */
  shared(request: FastifyRequest): string
  /** Whether the browser comes over TLS. */
  secure: boolean
}
