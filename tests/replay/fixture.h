/* fixture.h - recorded answers, a folder a step, with values laid over them.
 *
 * A step is a sub-folder; its files SERIES.json are the answers, SERIES being <p_tinh_id>_<period>
 * ("0_2025", "398126_2025-10"). An overlay sets one field of one row, in every step that has the
 * row, until it is cleared.
 */
#ifndef CHISO_TESTS_REPLAY_FIXTURE_H
#define CHISO_TESTS_REPLAY_FIXTURE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fixtures fixtures_t;

/* 0, or CHISO_E_CONFIG after printing the reason on stderr, or -ENOMEM. */
int fixtures_load(const char *folder, fixtures_t **out);
void fixtures_destroy(fixtures_t **fixtures);

size_t fixtures_count(const fixtures_t *fixtures);
const char *fixtures_name(const fixtures_t *fixtures, size_t step);
size_t fixtures_current(const fixtures_t *fixtures);
/* To the next step, back and forth. */
void fixtures_next(fixtures_t *fixtures);
/* "next", a step's name, or its index. 0 or CHISO_E_NOT_FOUND. */
int fixtures_go(fixtures_t *fixtures, const char *where);

/* A new array with the current step's rows of a series, overlays applied; NULL when there is none.
 */
json_t *fixtures_rows(const fixtures_t *fixtures, const char *series);

/* "SERIES:ID:FIELD:VALUE". For one of the six pillars TONG_SCORE follows by the exact difference.
 * 0; CHISO_E_SYNTAX; CHISO_E_NOT_FOUND when the current step has no such field; CHISO_E_FULL. */
int fixtures_set(fixtures_t *fixtures, const char *text);
void fixtures_clear(fixtures_t *fixtures);
size_t fixtures_overlays(const fixtures_t *fixtures);

/* The figures of the source: \d+(\.\d{1,2})?, counted in hundredths. */
#define CENTS_SIZE 32
int cents_parse(const char *text, int64_t *out);
const char *cents_format(int64_t cents, char out[CENTS_SIZE]);

#endif
