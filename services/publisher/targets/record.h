/* record.h - what a target is told, one thing at a time: a notice as it is, or a part of it.
 *
 * A dialect with fields gets a record a unit (of a ranking: one for each unit that moved), or one
 * an indicator. Each has a key that is the same whenever it is sent: index, period, unit,
 * indicator, revision and the scorer's life. The mapping is data: the name of a field there, and
 * where its value lies in the result, as "unit/code" or "pillars/ckmb/points" (a list is looked up
 * by the `code` or `id` of its members, so that no dot in a code matters).
 */
#ifndef CHISO_PUBLISHER_TARGETS_RECORD_H
#define CHISO_PUBLISHER_TARGETS_RECORD_H

#include "base/error.h"
#include "event/event.h"
#include "json/json.h"

#include <jansson.h>

typedef struct {
    char *name;
    char *from;  /* a path; or */
    char *value; /* a constant */
    char *as;    /* "text" (NULL), "number", "integer", "time" */
} target_field_t;
/* A field of a kind's own mapping; the struct is writable only for libcyaml's sake. */
#define TARGET_FIELD(n, f, a)                                                                      \
    {                                                                                              \
        .name = (char *)(uintptr_t)(n), .from = (char *)(uintptr_t)(f),                            \
        .as = (char *)(uintptr_t)(a)                                                               \
    }

typedef enum { RECORD_TEXT, RECORD_NUMBER, RECORD_INTEGER, RECORD_TIME } record_kind_t;
record_kind_t record_kind(const target_field_t *field);

typedef struct {
    char *key;
    char *entity;                 /* what it is about; a later one replaces an earlier one */
    char *stem;                   /* INDEX/PERIOD/UNIT[/INDICATOR], or the notice's subject */
    const event_notice_t *notice; /* borrowed */
    trace_t trace;                /* of the notice */
    json_t *doc;                  /* what paths lead through; NULL for a notice as it is */
    bool done;
    chiso_verdict_t verdict; /* of the last answer, where each has its own */
    char reason[160];
} record_t;

void record_free(record_t *record);

/* A list of records that grows; sticky failure. */
typedef struct {
    record_t *items;
    size_t n, room;
    bool failed;
} record_list_t;
void record_list_clear(record_list_t *list);

/* What of it all a target wants, see target.h. */
struct publisher_target;
/* Appends the records of a notice for a target; none when the target does not want it. */
void record_expand(const struct publisher_target *config, const event_notice_t *notice,
                   record_list_t *out);

/* The value of a field: a text (borrowed from record or field) with *is_null false; or NULL, with
 * *is_null telling whether the result says null or does not hold it at all. */
const char *record_value(const record_t *record, const target_field_t *field, bool *is_null);
/* Members of an open object: fields that the result does not hold are left out. */
void record_write(const record_t *record, const target_field_t *fields, jw_t *j);
/* The member `key` of an open object: an array with an object a record. */
void record_put_all(record_t *const *records, size_t n, const target_field_t *fields,
                    const char *key, jw_t *j);
/* What a record says: an object of the fields, or the notice's body as it is in the journal. */
void record_put_data(const record_t *record, const target_field_t *fields, jw_t *j);
/* The same in a structured CloudEvent. */
#define RECORD_SOURCE "/chiso"
void record_put_event(const record_t *record, const target_field_t *fields, jw_t *j);

#endif
