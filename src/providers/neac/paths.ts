/** First path segment of the gateway's addresses, and its name in transactions. */
export const gatewayId = 'neac'
