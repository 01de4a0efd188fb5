/* door.h - ingest's HTTP server: which addresses there are, who may use them, what answers.
 *
 * A request shows who it is with "Authorization: Bearer TOKEN" before its body is read. Who is
 * unknown gets 401, who may not 403, who failed too often 429, all as problem documents (RFC 9457).
 * docs/submit.md is the user's description.
 */
#ifndef CHISO_INGEST_API_DOOR_H
#define CHISO_INGEST_API_DOOR_H

#include "archive/archive.h"
#include "http/http.h"
#include "ingest/backfill.h"
#include "ingest/config.h"
#include "ingest/replay.h"
#include "journal/journal.h"
#include "store/store.h"

typedef struct door door_t;

/* What the answers work on; borrowed. */
typedef struct {
    const ingest_config_t *config;
    const ingest_config_t *const *asked; /* whose sources are asked at the moment */
    backfills_t *backfills;
    store_t *store;
    journal_t *journal;
    archive_t *archive;
    intake_t *intake;
    schedule_t *const *schedule;   /* the one of the moment: a reload makes another */
    replay_t **replay;             /* the one under way; its owner goes on with it */
    const tokens_t *const *tokens; /* of the moment; NULL: nobody is let in */
    /* After each commit, or what kept one from being tried; `appended` tells whether the journal
     * grew. It decides whether the process goes on. */
    void (*committed)(void *context, int rc, bool appended);
    void *context;
} door_setup_t;

/* One request that was let in. */
typedef struct {
    const door_setup_t *in;
    http_request_t *request;
    const token_t *token; /* NULL where none is wanted */
    const char *name;     /* what stands for the {…} of the address, or NULL */
} door_call_t;

/* 0; -errno after logging why. */
int door_open(const door_setup_t *setup, door_t **out);
void door_close(door_t **door);

/* Readable when there is something to do; door_serve() then, and once a second. */
int door_fd(const door_t *door);
void door_serve(door_t *door);

/* The answer for what could not be stored: 507 when there is no room, else 503, with Retry-After.
 */
void door_refuse_store(const door_call_t *call, int rc);

#endif
