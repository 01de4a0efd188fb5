/* url.h - a URL as it is configured: what is refused before the first request, and why. */
#ifndef CHISO_FETCH_URL_H
#define CHISO_FETCH_URL_H

#include "fetch/fetch.h"

#define FETCH_URL_MAX 8192

/* For configuration time. Refused: anything but https (and http if the policy allows it), white
 * space and control characters anywhere (a trailing space too: write %20 if the address has one),
 * bytes outside ASCII (a host is written in its xn-- form), a '%' that no two hex digits
 * follow, user-info, a fragment, port 0, no host, an address literal that the policy does not allow
 * (in any spelling: 0x7f.1), more than FETCH_URL_MAX bytes. `policy` may be NULL, the strictest. 0,
 * or -EINVAL and what was wrong, which never holds a user-info, path or query. */
int fetch_url_check(const char *url, const fetch_policy_t *policy, char reason[FETCH_REASON_SIZE]);

#endif
