/* store_rig.h - a store of two tables in a scratch folder, one for each test. */
#ifndef CHISO_TESTS_STORE_RIG_H
#define CHISO_TESTS_STORE_RIG_H

#include "base/error.h"
#include "folder.h"
#include "store/store.h"

static const char *const tables[] = {"one", "two", NULL};
enum { ONE, TWO };

typedef struct {
    char path[FOLDER_SIZE];
    store_t *store;
} rig_t;

static inline int setup(void **state)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->path);
    rig->store = folder_store(rig->path, tables);
    *state = rig;
    return 0;
}

static inline int teardown(void **state)
{
    rig_t *rig = *state;
    store_close(&rig->store);
    store_close(&rig->store); /* a second time is nothing */
    folder_remove(rig->path);
    free(rig);
    return 0;
}

static inline bytes_t text(const char *t)
{
    return bytes_of_text(t);
}

static inline bytes_t number(uint64_t n)
{
    static uint8_t room[4][8];
    static unsigned at;
    uint8_t *r = room[at++ % 4];
    be64_put(r, n);
    return bytes_of(r, 8);
}

static inline void put_now(store_t *store, store_table_t table, const char *key, const char *value)
{
    store_txn_t *txn = store_write(store);
    store_put(txn, table, text(key), text(value));
    assert_int_equal(store_commit(&txn), 0);
}

/* What a new transaction finds: the value, or NULL. */
static inline const char *value_of(store_t *store, store_table_t table, const char *key)
{
    static char room[64];
    bytes_t v;
    store_txn_t *txn = store_read(store);
    bool found = store_get(txn, table, text(key), &v);
    if (found) {
        assert_true(v.len < sizeof room);
        memcpy(room, v.data, v.len);
        room[v.len] = '\0';
    }
    assert_int_equal(store_status(txn), 0);
    store_abort(&txn);
    assert_null(txn);
    return found ? room : NULL;
}

#endif
