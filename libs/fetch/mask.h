/* mask.h - overwrites our credentials in an answer that gives them back. */
#ifndef CHISO_FETCH_MASK_H
#define CHISO_FETCH_MASK_H

#include "base/bytes.h"

#define MASK_SHORTEST 8 /* bytes; a shorter secret may be any word of an answer */

/* Overwrites every place of `data` that tells the secret with '*', byte for byte: as it is, in
 * percent, JSON or HTML escapes, and in base64 of any text that it is a part of (all of that
 * base64). The number of places; 0 for a secret that is too short; -ENOMEM. */
int mask_secret(const char *secret, uint8_t *data, size_t len);

#endif
