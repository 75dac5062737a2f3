// Every address on the page is relative to its own, which therefore has to end in a slash; a proxy may serve it without one.
if (!location.pathname.endsWith('/')) {
  location.replace(`${location.pathname}/${location.search}${location.hash}`)
}
