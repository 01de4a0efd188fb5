/* call.h - one request of the API: what its address and query say, and how it is answered.
 *
 * Every reader of a query answers 400 itself when it returns false, naming what it got and what was
 * expected.
 */
#ifndef CHISO_PUBLISHER_API_CALL_H
#define CHISO_PUBLISHER_API_CALL_H

#include "api.h"
#include "json/json.h"

#define CALL_MAX_BODY (64 * 1024 * 1024)
#define CALL_NOW INT64_MAX

typedef enum { CALL_JSON, CALL_CSV, CALL_XLSX } call_format_t;

typedef struct {
    const api_t *api;
    http_request_t *request;
    const catalog_index_t *index; /* {index} */
    const char *period;           /* {period} */
    const char *names[4];         /* the other {…} of the address, in order */
    int64_t at;                   /* ?as_of=; CALL_NOW when it is not asked for */
    const char *table;            /* list of the answer that ?format=csv and xlsx give, or NULL */
    call_format_t format;
    bool bom; /* ?bom=true */
} call_t;

/* Which units of an index and period are asked for: ?level= &parent= */
typedef struct {
    Chiso__V1__Level level;
    const char *parent; /* NULL with a level below the province: the level in the whole nation */
} call_scope_t;

/* A part of a list: ?limit= &after= */
typedef struct {
    uint64_t limit;
    const char *after; /* NULL: from the first */
} call_page_t;

bool call_scope(const call_t *call, call_scope_t *out);
bool call_page(const call_t *call, uint64_t otherwise, uint64_t max, call_page_t *out);
/* A moment or a day, see period/moment.h. */
bool call_moment(const call_t *call, const char *name, int64_t otherwise, int64_t *out);
/* ?format= ?bom= into the call. */
bool call_format(call_t *call);
bool call_flag(const call_t *call, const char *name, bool *out); /* false when absent */
bool call_number(const call_t *call, const char *name, uint64_t otherwise, uint64_t min,
                 uint64_t max, uint64_t *out);

/* Answers 200 with an ETag, or 304 when the client has that already; 503 when the body failed.
 * Frees the body. */
void call_answer(const call_t *call, const char *type, buffer_t *body);
void call_answer_json(const call_t *call, buffer_t *body);
/* 503 when the transaction failed, else 404 with the detail. Ends the transaction. */
void call_missing(const call_t *call, store_txn_t **txn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Ends the transaction; false after answering 503 because it failed. */
bool call_end(const call_t *call, store_txn_t **txn);

/* "at": the moment that was asked for, or null for now. */
void call_put_at(const call_t *call, jw_t *j);

#endif
