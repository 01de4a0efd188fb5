/* plain.h - the ranking as plain HTML, for who has no JavaScript: it takes the place of
 * <!--ranking--> in the page's index.html. It reads the same address as the page does (index,
 * period, level, parent), and says of when it is. */
#ifndef CHISO_PUBLISHER_PLAIN_H
#define CHISO_PUBLISHER_PLAIN_H

#include "http/http.h"
#include "model.h"

#define PLAIN_MARK "<!--ranking-->"
#define PLAIN_MAX_ROWS 500

/* A pages_fill_fn; context is the model_t. */
void plain_ranking(void *context, http_request_t *request, buffer_t *out);

#endif
