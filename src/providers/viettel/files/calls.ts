import type { DialectRoutes } from '../../dialect/dialect.js'
import { download } from './download.js'
import { fileStatus } from './file-status.js'
import { signing } from './signing.js'
import { upload } from './upload.js'

/** File mode (§4.3): the service lays out PDFs for clients that cannot. */
export const fileCalls: readonly DialectRoutes[] = [upload, signing, fileStatus, download]
