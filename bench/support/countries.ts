/** The countries of the events in a lake with a past, and of what viewers filter by. */

/** Sixty, those with the most events first. */
export const COUNTRIES: readonly string[] = (
  'DE US FR JP BR IN GB ES IT PL NL BE AT CH SE NO DK FI IE PT GR CZ SK HU RO BG HR SI EE LV ' +
  'LT UA TR IL AE SA EG ZA NG KE MA CN KR TW HK SG MY TH VN ID PH AU NZ CA MX AR CL CO PE UY'
).split(' ')
