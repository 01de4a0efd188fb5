/* model_rig.h - the publisher's read model without its service: store, journal, model. */
#ifndef CHISO_TESTS_MODEL_RIG_H
#define CHISO_TESTS_MODEL_RIG_H

#include "base/error.h"
#include "folder.h"
#include "publisher/model.h"

#define MODEL_EPOCH 0x1122334455667788ULL

typedef struct {
    char path[FOLDER_SIZE];
    const catalog_t *catalog; /* borrowed */
    store_t *store;
    journal_t *journal;
    model_t model;
    uint64_t seen;
    event_in_t notices[512]; /* of the last commit */
    size_t n_notices;
} published_t;

static inline void published_open(published_t *p)
{
    p->store = folder_store(p->path, model_tables);
    journal_options_t journal = {.records = MODEL_JOURNAL};
    assert_int_equal(journal_open(p->store, &journal, &p->journal), 0);
    assert_int_equal(model_open(&p->model, p->store, p->journal, p->catalog), 0);
}

static inline void published_forget(published_t *p)
{
    for (size_t i = 0; i < p->n_notices; i++) {
        event_release(&p->notices[i]);
    }
    p->n_notices = 0;
}

static inline void published_close(published_t *p)
{
    model_close(&p->model);
    journal_close(&p->journal);
    store_close(&p->store);
}

static inline published_t *published_new(const catalog_t *catalog)
{
    published_t *p = calloc(1, sizeof *p);
    assert_non_null(p);
    folder_make(p->path);
    p->catalog = catalog;
    published_open(p);
    return p;
}

static inline void published_free(published_t *p)
{
    published_forget(p);
    published_close(p);
    folder_remove(p->path);
    free(p);
}

static inline bool published_keep(void *context, uint64_t seq, bytes_t payload)
{
    published_t *p = context;
    char reason[256];
    assert_int_equal(seq, ++p->seen);
    if (p->n_notices == sizeof p->notices / sizeof p->notices[0]) {
        return true;
    }
    if (event_decode(payload, reason, &p->notices[p->n_notices++]) != 0) {
        fail_msg("notice %llu: %s", (unsigned long long)seq, reason);
    }
    return true;
}

static inline void published_commit(published_t *p, store_txn_t **txn)
{
    journal_seal(p->journal, *txn);
    int rc = store_commit(txn);
    journal_settle(p->journal, rc == 0);
    assert_int_equal(rc, 0);
    published_forget(p);
    store_txn_t *read = store_read(p->store);
    assert_true(journal_read(p->journal, read, p->seen + 1, published_keep, p) >= 0);
    store_abort(&read);
}

static inline const event_notice_t *notice(const published_t *p, size_t i)
{
    assert_true(i < p->n_notices);
    assert_int_equal(p->notices[i].event->body_case, CHISO__V1__EVENT__BODY_NOTICE);
    return p->notices[i].event->notice;
}

/* ---- for groups of tests of one catalog, a read model each ---- */

static catalog_t *group_catalog;

static inline int group_load(void **state)
{
    (void)state;
    static const char *const files[] = {TEST_ROOT "/catalogs/dvc-766.yaml"};
    return catalog_load(files, 1, stderr, &group_catalog);
}

static inline int group_unload(void **state)
{
    (void)state;
    catalog_destroy(&group_catalog);
    return 0;
}

static inline int group_setup(void **state)
{
    *state = published_new(group_catalog);
    return 0;
}

static inline int group_teardown(void **state)
{
    published_free(*state);
    return 0;
}

#endif
