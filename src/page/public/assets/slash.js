// Addresses on the page are relative to its own, which must end in a slash for that. A proxy may
// serve the page without one.
if (!location.pathname.endsWith('/')) {
  location.replace(`${location.pathname}/${location.search}${location.hash}`)
}
