/** What a client calls, as an allow-list writes it: `GET /containers/json`, without API version and query. */
export function callOf(method, url) {
  const [path] = url.split('?');
  const segments = path.split('/').slice(1);
  // What the daemon may read otherwise than we do is nobody's to call: escapes, empty segments, dots.
  if (!segments.every((one) => /^[A-Za-z0-9_.:-]+$/.test(one) && !/^\.+$/.test(one))) return undefined;
  if (/^v[0-9]+(\.[0-9]+)*$/.test(segments[0])) segments.shift();
  if (segments[0] === 'libpod') segments.shift(); // podman's own client calls the same things there
  return `${method} /${segments.join('/')}`;
}

/** `*` stands for one segment. */
export function allows(list, call) {
  const given = call.split('/');
  return list.some((entry) => {
    const wanted = entry.split('/');
    return wanted.length === given.length && wanted.every((one, at) => one === '*' || one === given[at]);
  });
}
