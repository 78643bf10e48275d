/** Life of a code (§3.4), in seconds. */
export const codeTtlS = 15
/** Life of a refresh token (§3.4), in seconds: three months. Each use begins anew. */
export const refreshTtlS = 90 * 86_400
