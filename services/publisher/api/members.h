/* members.h - the units of one ranking, in its order, with the ranks of that list: as they stand
 * now, or as they stood. */
#ifndef CHISO_PUBLISHER_API_MEMBERS_H
#define CHISO_PUBLISHER_API_MEMBERS_H

#include "call.h"

#define MEMBERS_MAX 20000

typedef struct {
    event_in_t in;
    event_score_t score; /* what `in` says, with the rank that belongs to this list */
} member_t;

typedef struct {
    member_t *list;
    size_t n, cap;
    int64_t as_of;            /* of the ranking */
    uint32_t revision;        /* 0: not known of the past */
    const member_t **by_code; /* made by the first members_find() */
    int rc;
} members_t;

/* Loads and orders them: by rank, ties by code, units without a rank last. 0, -ENOMEM,
 * CHISO_E_TOO_BIG; what the store fails at is told by the transaction. */
int members_load(const call_t *call, store_txn_t *txn, const call_scope_t *scope, int64_t at,
                 members_t *out);
void members_free(members_t *members);
const event_score_t *members_find(members_t *members, const char *code); /* or NULL */

/* The same for an answer: false after answering 503 or, when there are none, 404. Ends the
 * transaction in either case. */
bool members_ask(const call_t *call, const call_scope_t *scope, members_t *out);

/* The part of the list that is asked for: [first, end). False after answering 400. */
bool members_window(const call_t *call, const members_t *members, const call_page_t *page,
                    size_t *first, size_t *end);
/* "next": what to ask for with ?after=, or null; "total". */
void members_put_next(jw_t *j, const members_t *members, size_t end);
/* index, period, level, parent, at, as_of, revision, stale of the list, into an open object. */
void members_put_head(jw_t *j, const call_t *call, const call_scope_t *scope,
                      const members_t *members);
void members_put_stale(jw_t *j, const call_t *call, const event_score_t *score);

#endif
