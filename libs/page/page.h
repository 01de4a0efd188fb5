/* page.h - rows of an HTML page by XPath, written as JSON lines. Runs inside chiso-html, never in a
 * service: what parses pages of strangers is kept where it can do no harm.
 *
 * Lines, in this order:
 *   {"cells":["text",null,true,false],"raw":"<tr>…"}   a row; true: the cell is too long, false: it
 *                                                      is no clean text
 *   {"end":"rows"}                                     or
 *   {"end":"blocked"}                                  the proof does not hold, or no page at all
 *   {"end":"malformed","reason":"…"}
 * Without the last line the reader died, and nothing before it counts.
 */
#ifndef CHISO_PAGE_PAGE_H
#define CHISO_PAGE_PAGE_H

#include "base/bytes.h"

#include <stdbool.h>

#define PAGE_MAX_RAW (16 * 1024) /* bytes of a row that are kept */
#define PAGE_MAX_STEPS 100000000 /* of all XPaths of a page together */

typedef struct {
    const char *rows;
    const char *proof; /* NULL: none */
    const char *const *columns;
    size_t n_columns;
} page_spec_t;

/* Takes a part of the output; false stops. */
typedef bool (*page_sink_fn)(bytes_t part, void *context);

/* `max_rows` and `max_cell` (bytes, in NFC with white space folded) bound the output. 0; -ENOMEM;
 * -EPIPE when the sink stops. */
int page_read(const page_spec_t *spec, bytes_t body, size_t max_rows, size_t max_cell,
              page_sink_fn sink, void *context);

/* Only compiles the XPaths: writes {"end":"rows"} or {"end":"malformed",…}. */
int page_check(const page_spec_t *spec, page_sink_fn sink, void *context);

#endif
