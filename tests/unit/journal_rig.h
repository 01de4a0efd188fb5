/* journal_rig.h - a store with a journal in a scratch folder, and one-line commits. */
#ifndef CHISO_TESTS_JOURNAL_RIG_H
#define CHISO_TESTS_JOURNAL_RIG_H

#include "base/clock.h"
#include "base/error.h"
#include "folder.h"
#include "journal/journal.h"

static const char *const tables[] = {"other", JOURNAL_TABLES, NULL};
enum { OTHER, RECORDS, META, CONSUMERS };

typedef struct {
    char path[FOLDER_SIZE];
    store_t *store;
    journal_t *journal;
    journal_options_t options;
} rig_t;

static int64_t now_ms = 1000000;

static inline int64_t rig_now(void)
{
    return now_ms;
}

static inline uint32_t rig_random(uint32_t bound)
{
    return bound / 2;
}

static inline int rig_reopen(rig_t *rig)
{
    journal_close(&rig->journal);
    store_close(&rig->store);
    rig->store = folder_store(rig->path, tables);
    return journal_open(rig->store, &rig->options, &rig->journal);
}

static inline int setup(void **state)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    clock_set_source(&(clock_source_t){rig_now, rig_now, rig_random});
    folder_make(rig->path);
    rig->options = (journal_options_t){.records = RECORDS};
    assert_int_equal(rig_reopen(rig), 0);
    *state = rig;
    return 0;
}

static inline int teardown(void **state)
{
    rig_t *rig = *state;
    journal_close(&rig->journal);
    journal_close(&rig->journal); /* a second time is nothing */
    store_close(&rig->store);
    folder_remove(rig->path);
    clock_set_source(NULL);
    free(rig);
    return 0;
}

/* Ends the transaction as an owner does. */
static inline int rig_commit(rig_t *rig, store_txn_t **txn)
{
    journal_seal(rig->journal, *txn);
    int rc = store_commit(txn);
    journal_settle(rig->journal, rc == 0);
    return rc;
}

static inline bytes_t payload_of(uint64_t seq, char room[128])
{
    /* lengths differ, one is empty */
    size_t len = (size_t)(seq * 7 % 50);
    memset(room, 'a' + (int)(seq % 26), len);
    return bytes_of(room, len);
}

/* Appends n records of payload_of() in one transaction. */
static inline void append(rig_t *rig, unsigned n)
{
    store_txn_t *txn = store_write(rig->store);
    uint64_t head = journal_head(rig->journal);
    for (unsigned i = 1; i <= n; i++) {
        char room[128];
        assert_int_equal(journal_append(rig->journal, txn, payload_of(head + i, room)), head + i);
    }
    assert_int_equal(rig_commit(rig, &txn), 0);
}

static inline unsigned trim(rig_t *rig, uint64_t floor, unsigned limit)
{
    store_txn_t *txn = store_write(rig->store);
    unsigned n = journal_trim(rig->journal, txn, floor, limit);
    assert_int_equal(rig_commit(rig, &txn), 0);
    return n;
}

typedef struct {
    uint64_t next;
    unsigned limit; /* 0: none */
    unsigned n;
} reading_t;

static inline bool rig_each(void *context, uint64_t seq, bytes_t payload)
{
    reading_t *r = context;
    char room[128];
    assert_int_equal(seq, r->next++);
    assert_true(bytes_equal(payload, payload_of(seq, room)));
    r->n++;
    return r->limit == 0 || r->n < r->limit;
}

static inline int read_from(rig_t *rig, uint64_t seq, unsigned limit)
{
    reading_t r = {.next = seq, .limit = limit};
    store_txn_t *txn = store_read(rig->store);
    int rc = journal_read(rig->journal, txn, seq, rig_each, &r);
    store_abort(&txn);
    if (rc >= 0) {
        assert_int_equal(rc, r.n);
    }
    return rc;
}

static inline int verify(rig_t *rig, uint64_t *bad, char reason[256], uint8_t hash[SHA256_SIZE])
{
    store_txn_t *txn = store_read(rig->store);
    int rc = journal_verify(rig->journal, txn, bad, reason, hash);
    store_abort(&txn);
    return rc;
}

#endif
