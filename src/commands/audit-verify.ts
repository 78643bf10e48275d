// What `npm run audit:verify` runs.
import { auditVerify } from './verification.js'

process.exitCode = await auditVerify(process.argv.slice(2), {
  out: (line) => console.log(line),
  err: (line) => console.error(line)
})
