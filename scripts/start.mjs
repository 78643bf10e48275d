// `npm start`: everything the server needs, then the server, in this very process.
import { setUp } from './setup.mjs'

setUp()
await import('../build/src/main.js')
