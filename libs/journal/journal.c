/* journal.c - see journal.h.
 *
 * Why our own log on top of LMDB and not a file: the records must commit together with the state
 * and the consumed offset, or a crash between two files would lose or repeat an event. The head
 * lives in memory while a transaction is open (`pending`) and is written once per commit, so that
 * an append costs one put at the end of the tree.
 */
#include "journal/journal.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_VERSION 1
#define HEADER_SIZE (1 + 4 + SHA256_SIZE)
#define MAX_CONSUMERS 96 /* 64 portals and some */
#define STORE_CONSUMERS_MS 10000
#define MAX_CONSUMER_NAME 63
#define META_KEY "head"
#define META_SIZE (1 + 8 + 8 + 8 + 8 + SHA256_SIZE + SHA256_SIZE)

/* What the meta record holds. */
typedef struct {
    uint64_t epoch;
    uint64_t head;
    uint64_t first;
    uint64_t bytes;
    uint8_t head_hash[SHA256_SIZE];
    uint8_t base_hash[SHA256_SIZE]; /* of the record before `first`: where the chain begins */
} position_t;

typedef struct {
    char name[MAX_CONSUMER_NAME + 1];
    uint64_t next_seq;
    int64_t seen_at;
    bool dirty;
} consumer_t;

struct journal {
    store_t *store;
    journal_options_t options;
    position_t committed;
    position_t pending;
    position_t sealed[JOURNAL_SEALS]; /* by their number */
    uint64_t n_sealed;
    consumer_t consumers[MAX_CONSUMERS];
    size_t n_consumers;
    int64_t stored_at; /* monotonic: when the acknowledgements were stored */
};

static bytes_t seq_key(uint64_t seq, uint8_t room[8])
{
    be64_put(room, seq);
    return bytes_of(room, 8);
}

static void meta_write(const position_t *p, uint8_t out[META_SIZE])
{
    out[0] = RECORD_VERSION;
    be64_put(out + 1, p->epoch);
    be64_put(out + 9, p->head);
    be64_put(out + 17, p->first);
    be64_put(out + 25, p->bytes);
    memcpy(out + 33, p->head_hash, SHA256_SIZE);
    memcpy(out + 33 + SHA256_SIZE, p->base_hash, SHA256_SIZE);
}

static int meta_read(bytes_t in, position_t *p)
{
    if (in.len > 0 && in.data[0] > RECORD_VERSION) {
        return CHISO_E_NEWER;
    }
    if (in.len != META_SIZE || in.data[0] != RECORD_VERSION) {
        return CHISO_E_CORRUPT;
    }
    p->epoch = be64_get(in.data + 1);
    p->head = be64_get(in.data + 9);
    p->first = be64_get(in.data + 17);
    p->bytes = be64_get(in.data + 25);
    memcpy(p->head_hash, in.data + 33, SHA256_SIZE);
    memcpy(p->base_hash, in.data + 33 + SHA256_SIZE, SHA256_SIZE);
    return 0;
}

static store_table_t meta_table(const journal_t *j)
{
    return j->options.records + 1;
}

static store_table_t consumer_table(const journal_t *j)
{
    return j->options.records + 2;
}

/* Both sums of a record: they cover the same bytes. */
static void record_sums(uint64_t seq, const uint8_t previous[SHA256_SIZE], bytes_t payload,
                        uint32_t *crc, uint8_t hash[SHA256_SIZE])
{
    uint8_t number[8];
    bytes_t parts[3] = {seq_key(seq, number), bytes_of(previous, SHA256_SIZE), payload};
    *crc = 0;
    for (int i = 0; i < 3; i++) {
        *crc = crc32c(*crc, parts[i]);
    }
    if (hash != NULL) {
        sha256_parts(parts, 3, hash);
    }
}

/* Splits a stored record and checks its CRC; hash may be NULL when the chain is not asked for. */
static int record_open(uint64_t seq, bytes_t record, bytes_t *payload, uint8_t hash[SHA256_SIZE])
{
    if (record.len < HEADER_SIZE || record.data[0] != RECORD_VERSION) {
        return CHISO_E_CORRUPT;
    }
    uint32_t crc;
    *payload = bytes_of(record.data + HEADER_SIZE, record.len - HEADER_SIZE);
    record_sums(seq, record.data + 5, *payload, &crc, hash);
    return crc == be32_get(record.data + 1) ? 0 : CHISO_E_CORRUPT;
}

static int load_consumers(journal_t *j, store_txn_t *txn)
{
    store_cursor_t *c;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, consumer_table(j), bytes_of(NULL, 0), &c, &key, &value);
    for (; more; more = store_next(c, &key, &value)) {
        if (key.len > MAX_CONSUMER_NAME || value.len != 16 || j->n_consumers == MAX_CONSUMERS) {
            store_cursor_close(&c);
            return CHISO_E_CORRUPT;
        }
        consumer_t *consumer = &j->consumers[j->n_consumers++];
        memcpy(consumer->name, key.data, key.len);
        consumer->next_seq = be64_get(value.data);
        consumer->seen_at = (int64_t)be64_get(value.data + 8);
    }
    store_cursor_close(&c);
    return store_status(txn);
}

/* A torn or foreign head is found at start, not by the first reader. */
static int check_head(journal_t *j, store_txn_t *txn)
{
    const position_t *p = &j->committed;
    bytes_t key;
    bytes_t value;
    bytes_t payload;
    uint8_t hash[SHA256_SIZE];
    if (p->head < p->first) {
        return store_count(txn, j->options.records) == 0 ? 0 : CHISO_E_CORRUPT;
    }
    if (!store_last(txn, j->options.records, &key, &value) || key.len != 8 ||
        be64_get(key.data) != p->head || record_open(p->head, value, &payload, hash) != 0) {
        return CHISO_E_CORRUPT;
    }
    return memcmp(hash, p->head_hash, SHA256_SIZE) == 0 ? 0 : CHISO_E_CORRUPT;
}

static uint64_t new_epoch(void)
{
    uint64_t epoch = 0;
    while (epoch == 0) { /* 0 means "not known" on the bus */
        epoch = clock_random64();
    }
    return epoch;
}

static int create(journal_t *j, const journal_origin_t *origin)
{
    position_t p = {.epoch = origin->epoch, .first = origin->first, .head = origin->first - 1};
    memcpy(p.head_hash, origin->hash, SHA256_SIZE);
    memcpy(p.base_hash, origin->hash, SHA256_SIZE);
    uint8_t meta[META_SIZE];
    meta_write(&p, meta);
    store_txn_t *txn = store_write(j->store);
    store_put(txn, meta_table(j), bytes_of_text(META_KEY), bytes_of(meta, META_SIZE));
    int rc = store_commit(&txn);
    if (rc == 0) {
        j->committed = p;
    }
    return rc;
}

static int load(journal_t *j, bool *found)
{
    store_txn_t *txn = store_read(j->store);
    bytes_t meta;
    int rc = 0;
    *found = store_get(txn, meta_table(j), bytes_of_text(META_KEY), &meta);
    if (*found) {
        rc = meta_read(meta, &j->committed);
        if (rc == 0) {
            rc = check_head(j, txn);
        }
        if (rc == 0) {
            rc = load_consumers(j, txn);
        }
    }
    if (rc == 0) {
        rc = store_status(txn);
    }
    store_abort(&txn);
    return rc;
}

int journal_open(store_t *store, const journal_options_t *options, journal_t **out)
{
    uint8_t number[8];
    journal_origin_t origin = {.epoch = new_epoch(), .first = 1};
    be64_put(number, origin.epoch);
    sha256(bytes_of(number, 8), origin.hash);
    return journal_open_from(store, options, &origin, out);
}

int journal_open_from(store_t *store, const journal_options_t *options,
                      const journal_origin_t *origin, journal_t **out)
{
    journal_t *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return -ENOMEM;
    }
    j->store = store;
    j->options = *options;
    if (j->options.keep_records == 0) {
        j->options.keep_records = 100000;
    }
    if (j->options.max_bytes == 0) {
        j->options.max_bytes = 8ULL << 30;
    }
    if (j->options.consumer_ttl_ms == 0) {
        j->options.consumer_ttl_ms = 30LL * 24 * 3600 * 1000;
    }
    bool found;
    int rc = load(j, &found);
    if (rc == 0 && !found) {
        rc = create(j, origin);
    }
    if (rc != 0) {
        journal_close(&j);
        return rc;
    }
    j->pending = j->sealed[0] = j->committed;
    *out = j;
    return 0;
}

void journal_close(journal_t **journal)
{
    if (journal != NULL) {
        free(*journal);
        *journal = NULL;
    }
}

uint64_t journal_epoch(const journal_t *j)
{
    return j->committed.epoch;
}

uint64_t journal_head(const journal_t *j)
{
    return j->committed.head;
}

uint64_t journal_first(const journal_t *j)
{
    return j->committed.first;
}

uint64_t journal_bytes(const journal_t *j)
{
    return j->committed.bytes;
}

void journal_origin(const journal_t *j, journal_origin_t *out)
{
    *out = (journal_origin_t){.epoch = j->committed.epoch, .first = j->committed.first};
    memcpy(out->hash, j->committed.base_hash, SHA256_SIZE);
}

void journal_head_hash(const journal_t *j, uint8_t out[SHA256_SIZE])
{
    memcpy(out, j->pending.head_hash, SHA256_SIZE);
}

uint64_t journal_renew(journal_t *j, store_txn_t *txn)
{
    j->pending.epoch = new_epoch();
    journal_seal(j, txn);
    return j->pending.epoch;
}

uint64_t journal_append(journal_t *j, store_txn_t *txn, bytes_t payload)
{
    if (store_status(txn) != 0) {
        return 0;
    }
    if (payload.len > JOURNAL_MAX_RECORD) {
        store_fail(txn, CHISO_E_TOO_BIG);
        return 0;
    }
    uint8_t small[4096]; /* most records fit; the others take the heap */
    size_t len = HEADER_SIZE + payload.len;
    uint8_t *record = len <= sizeof small ? small : malloc(len);
    if (record == NULL) {
        store_fail(txn, -ENOMEM);
        return 0;
    }
    position_t *p = &j->pending;
    uint64_t seq = p->head + 1;
    uint32_t crc;
    memcpy(record + 5, p->head_hash, SHA256_SIZE);
    if (payload.len > 0) {
        memcpy(record + HEADER_SIZE, payload.data, payload.len);
    }
    record_sums(seq, record + 5, payload, &crc, p->head_hash);
    record[0] = RECORD_VERSION;
    be32_put(record + 1, crc);
    uint8_t number[8];
    store_append(txn, j->options.records, seq_key(seq, number), bytes_of(record, len));
    if (record != small) {
        free(record);
    }
    p->head = seq;
    p->bytes += payload.len;
    return store_status(txn) == 0 ? seq : 0;
}

uint64_t journal_seal(journal_t *j, store_txn_t *txn)
{
    uint8_t meta[META_SIZE];
    meta_write(&j->pending, meta);
    store_put(txn, meta_table(j), bytes_of_text(META_KEY), bytes_of(meta, META_SIZE));
    j->sealed[++j->n_sealed % JOURNAL_SEALS] = j->pending;
    return j->n_sealed;
}

void journal_settle_to(journal_t *j, uint64_t seal)
{
    j->committed = j->sealed[seal % JOURNAL_SEALS];
}

void journal_settle(journal_t *j, bool committed)
{
    if (committed) {
        journal_settle_to(j, j->n_sealed);
    } else {
        j->pending = j->committed;
    }
}

int journal_read(journal_t *j, store_txn_t *txn, uint64_t seq, journal_each_fn each, void *context)
{
    if (seq < j->committed.first || seq > j->committed.head + 1) {
        return CHISO_E_TRIMMED;
    }
    uint8_t number[8];
    store_cursor_t *c;
    bytes_t key;
    bytes_t value;
    bytes_t payload;
    int given = 0;
    int rc = 0;
    bool stopped = false;
    bool more = store_seek(txn, j->options.records, seq_key(seq, number), &c, &key, &value);
    for (; more; more = store_next(c, &key, &value)) {
        /* the transaction may be younger than our idea of the head: what lies past it can wait */
        if (seq > j->committed.head) {
            break;
        }
        if (key.len != 8 || be64_get(key.data) != seq ||
            record_open(seq, value, &payload, NULL) != 0) {
            rc = CHISO_E_CORRUPT;
            break;
        }
        given++;
        stopped = !each(context, seq++, payload);
        if (stopped) {
            break;
        }
    }
    store_cursor_close(&c);
    if (rc == 0) {
        rc = store_status(txn);
    }
    if (rc == 0 && !stopped && seq <= j->committed.head) {
        rc = CHISO_E_CORRUPT; /* fewer than were committed is not "that is all" */
    }
    return rc != 0 ? rc : given;
}

static consumer_t *find_consumer(journal_t *j, const char *name)
{
    for (size_t i = 0; i < j->n_consumers; i++) {
        if (strcmp(j->consumers[i].name, name) == 0) {
            return &j->consumers[i];
        }
    }
    return NULL;
}

/* A free place, or that of the consumer that has been away longest, past its time. */
static consumer_t *place_for_consumer(journal_t *j)
{
    if (j->n_consumers < MAX_CONSUMERS) {
        return &j->consumers[j->n_consumers++];
    }
    consumer_t *oldest = &j->consumers[0];
    for (size_t i = 1; i < j->n_consumers; i++) {
        if (j->consumers[i].seen_at < oldest->seen_at) {
            oldest = &j->consumers[i];
        }
    }
    return oldest->seen_at < clock_wall_ms() - j->options.consumer_ttl_ms ? oldest : NULL;
}

int journal_acknowledge(journal_t *j, const char *name, uint64_t next_seq)
{
    consumer_t *consumer = find_consumer(j, name);
    if (consumer == NULL) {
        if (strlen(name) > MAX_CONSUMER_NAME || *name == '\0' ||
            (consumer = place_for_consumer(j)) == NULL) {
            return CHISO_E_TOO_BIG;
        }
        *consumer = (consumer_t){0};
        memcpy(consumer->name, name, strlen(name));
    }
    consumer->next_seq = next_seq;
    consumer->seen_at = clock_wall_ms();
    consumer->dirty = true;
    return 0;
}

void journal_forget(journal_t *j, const char *name)
{
    consumer_t *consumer = find_consumer(j, name);
    if (consumer != NULL) {
        consumer->seen_at = 0; /* past every time to live: it holds nothing back */
        consumer->dirty = true;
    }
}

void journal_consumers(const journal_t *j, void (*each)(void *context, const char *name),
                       void *context)
{
    for (size_t i = 0; i < j->n_consumers; i++) {
        each(context, j->consumers[i].name);
    }
}

uint64_t journal_slowest(const journal_t *j)
{
    uint64_t slowest = j->committed.head + 1;
    int64_t live_since = clock_wall_ms() - j->options.consumer_ttl_ms;
    for (size_t i = 0; i < j->n_consumers; i++) {
        const consumer_t *consumer = &j->consumers[i];
        if (consumer->seen_at >= live_since && consumer->next_seq < slowest) {
            slowest = consumer->next_seq;
        }
    }
    return slowest;
}

static void store_consumers(journal_t *j, store_txn_t *txn)
{
    j->stored_at = clock_mono_ms();
    for (size_t i = 0; i < j->n_consumers; i++) {
        consumer_t *consumer = &j->consumers[i];
        if (consumer->dirty) {
            uint8_t value[16];
            be64_put(value, consumer->next_seq);
            be64_put(value + 8, (uint64_t)consumer->seen_at);
            store_put(txn, consumer_table(j), bytes_of_text(consumer->name), bytes_of(value, 16));
            consumer->dirty = false;
        }
    }
}

bool journal_trim_due(const journal_t *j)
{
    const position_t *p = &j->committed;
    bool over = p->bytes > j->options.max_bytes;
    bool spare = p->head + 1 - p->first > j->options.keep_records;
    for (size_t i = 0; i < j->n_consumers; i++) {
        if (j->consumers[i].dirty && clock_mono_ms() - j->stored_at >= STORE_CONSUMERS_MS) {
            return true;
        }
    }
    return over || spare;
}

unsigned journal_trim(journal_t *j, store_txn_t *txn, uint64_t floor, unsigned limit)
{
    store_consumers(j, txn);
    position_t *p = &j->pending;
    uint64_t read_by_all = journal_slowest(j);
    store_txn_t *reader = store_is_noted(txn) ? store_read(j->store) : txn;
    /* what is not committed cannot be looked at: the last that is stays */
    uint64_t end = store_is_noted(txn) ? j->committed.head : p->head + 1;
    unsigned dropped = 0;
    uint8_t number[8];
    store_cursor_t *c;
    bytes_t key;
    bytes_t record;
    bool more =
        store_seek(reader, j->options.records, seq_key(p->first, number), &c, &key, &record);
    for (; more; more = store_next(c, &key, &record)) {
        bool spare = p->head - p->first >= j->options.keep_records;
        bool over = p->bytes > j->options.max_bytes;
        if (key.len != 8 || be64_get(key.data) != p->first || record.len < HEADER_SIZE ||
            record.data[0] != RECORD_VERSION) {
            store_fail(txn, CHISO_E_CORRUPT);
            break;
        }
        memcpy(p->base_hash, record.data + 5, SHA256_SIZE); /* of its predecessor */
        if (dropped == limit || p->first >= end || p->first >= floor ||
            (!over && !(p->first < read_by_all && spare))) {
            break;
        }
        p->bytes -= record.len - HEADER_SIZE;
        p->first++;
        dropped++;
    }
    store_cursor_close(&c);
    if (!more && dropped > 0) {
        memcpy(p->base_hash, p->head_hash, SHA256_SIZE);
    }
    if (store_status(reader) != 0) {
        store_fail(txn, store_status(reader));
    }
    if (reader != txn) {
        store_abort(&reader);
    }
    if (dropped > 0) {
        store_delete_below(txn, j->options.records, seq_key(p->first, number));
    }
    return dropped;
}

int journal_verify(journal_t *j, store_txn_t *txn, uint64_t *bad, char reason[256],
                   uint8_t hash[SHA256_SIZE])
{
    const position_t *p = &j->committed;
    uint8_t previous[SHA256_SIZE];
    memcpy(previous, p->base_hash, SHA256_SIZE);
    uint64_t seq = p->first;
    store_cursor_t *c;
    bytes_t key;
    bytes_t value;
    const char *wrong = NULL;
    bool more = store_seek(txn, j->options.records, bytes_of(NULL, 0), &c, &key, &value);
    for (; more && wrong == NULL; more = store_next(c, &key, &value)) {
        uint8_t own[SHA256_SIZE];
        bytes_t payload;
        if (seq > p->head) {
            break; /* appended since the journal was opened */
        }
        if (key.len != 8 || be64_get(key.data) != seq) {
            wrong = "a record is missing";
        } else if (record_open(seq, value, &payload, own) != 0) {
            wrong = "the checksum does not fit the record";
        } else if (memcmp(value.data + 5, previous, SHA256_SIZE) != 0) {
            wrong = "the record does not continue the hash chain";
        } else {
            memcpy(previous, own, SHA256_SIZE);
            seq++;
        }
    }
    store_cursor_close(&c);
    if (wrong == NULL && seq != p->head + 1) {
        wrong = "the journal ends before its head";
    }
    if (wrong == NULL && memcmp(previous, p->head_hash, SHA256_SIZE) != 0) {
        wrong = "the hash of the head is another one";
    }
    if (wrong != NULL) {
        *bad = seq;
        snprintf(reason, 256, "%s", wrong);
        return CHISO_E_CORRUPT;
    }
    if (hash != NULL) {
        memcpy(hash, previous, SHA256_SIZE);
    }
    return store_status(txn);
}
