/* test_bus_kill.c - producer and consumer as processes, either killed at any instant: what the
 * producer committed arrives once in effect, in order, with the offset in the same transaction.
 *
 * This process opens no socket itself: ZeroMQ does not survive a fork.
 */
#include "bus_rig.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define KILLS 48
#define BURST 17

typedef struct {
    char path[FOLDER_SIZE]; /* of both */
    char endpoint[128];
} pair_t;

static int on_append(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    producer_t *p = context;
    if (rig_append(p, BURST, 40) != 0) {
        _exit(9);
    }
    return 0;
}

static int open_producer(const pair_t *pair, producer_t *p)
{
    char *folder = folder_file(pair->path, "producer");
    store_options_t store = {.map_size = 256 << 20, .tables = producer_tables};
    journal_options_t journal = {.records = P_JOURNAL};
    int rc = store_open(folder, &store, p->reason, &p->store);
    if (rc == 0) {
        rc = journal_open(p->store, &journal, &p->journal);
    }
    free(folder);
    return rc;
}

static void be_producer(const pair_t *pair, bool quiet)
{
    bus_init();
    producer_t p = {0};
    zloop_t *loop = zloop_new();
    bus_server_options_t options = {
        .endpoint = pair->endpoint, .snapshot = rig_snapshot, .context = &p};
    int rc = open_producer(pair, &p);
    options.store = p.store;
    options.journal = p.journal;
    for (int i = 0; rc == 0 && i < LIMIT_MS / 20;
         i++) { /* the port of a killed one may be free later */
        rc = bus_server_start(loop, &options, p.reason, &p.server);
        if (rc != -EADDRINUSE) {
            break;
        }
        zclock_sleep(20);
    }
    if (rc != 0) {
        fprintf(stderr, "producer: %d %s\n", rc, p.reason);
        _exit(9);
    }
    if (!quiet) {
        zloop_timer(loop, 2, 0, on_append, &p);
    }
    zloop_start(loop);
    _exit(8);
}

static void be_consumer(const pair_t *pair)
{
    bus_init();
    consumer_t c = {0};
    snprintf(c.path, sizeof c.path, "%s", pair->path);
    c.store = folder_store(pair->path, consumer_tables);
    bus_client_options_t client = {.endpoint = pair->endpoint, .consumer = "consumer"};
    bus_handler_t handler = {rig_on_batch, rig_on_snapshot, &c, NULL};
    if (inbox_position(c.store, C_INBOX, &client.epoch, &client.next_seq) != 0) {
        _exit(9);
    }
    c.next_seq = client.next_seq;
    zloop_t *loop = zloop_new();
    char reason[256];
    if (bus_client_start(loop, &client, &handler, reason, &c.client) != 0) {
        _exit(9);
    }
    zloop_start(loop);
    _exit(8); /* only an error ends it */
}

static pid_t start(const pair_t *pair, bool producer, bool quiet)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (producer) {
            be_producer(pair, quiet);
        }
        be_consumer(pair);
    }
    assert_true(pid > 0);
    return pid;
}

static void end(pid_t pid)
{
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    /* it had not given up before: a second effect or a gap would have ended it */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void pause_ms(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* Reads both stores when nobody has them open. Has everything been taken? */
static bool compare(const pair_t *pair, uint64_t *head)
{
    producer_t p = {0};
    consumer_t c = {0};
    assert_int_equal(open_producer(pair, &p), 0);
    c.store = folder_store(pair->path, consumer_tables);
    uint64_t epoch;
    uint64_t next;
    uint64_t bad;
    char reason[256];
    assert_int_equal(inbox_position(c.store, C_INBOX, &epoch, &next), 0);
    *head = journal_head(p.journal);
    assert_int_equal(*head % BURST, 0);
    assert_true(next <= *head + 1); /* never ahead of what was committed */
    consumer_holds(&c, next - 1, 40);
    bool complete = next == *head + 1 && epoch == journal_epoch(p.journal);
    store_txn_t *txn = store_read(p.store);
    assert_int_equal(journal_verify(p.journal, txn, &bad, reason, NULL), 0);
    store_abort(&txn);
    journal_close(&p.journal);
    store_close(&p.store);
    store_close(&c.store);
    return complete;
}

static void run(pair_t *pair, unsigned seed)
{
    pid_t producer = start(pair, true, false);
    pid_t consumer = start(pair, false, false);
    uint64_t head = 0;
    for (unsigned i = 0; i < KILLS; i++) {
        seed = seed * 1103515245 + 12345;
        /* some die before they have come up, some in full swing */
        pause_ms(seed >> 16 & (i % 3 == 0 ? 31 : 255));
        if (i % 2 == 0) {
            end(consumer);
            consumer = start(pair, false, false);
        } else {
            end(producer);
            producer = start(pair, true, false);
        }
        if (i % 12 == 11) {
            end(producer);
            end(consumer);
            compare(pair, &head);
            producer = start(pair, true, false);
            consumer = start(pair, false, false);
        }
    }
    /* first until there is enough; then it appends no more, and everything is taken in the end */
    bool quiet = false;
    for (unsigned wait = 300;; wait += 300) {
        assert_true(wait < 10000);
        pause_ms(wait);
        end(producer);
        end(consumer);
        if (compare(pair, &head) && quiet) {
            break;
        }
        quiet = head > 1000;
        producer = start(pair, true, quiet);
        consumer = start(pair, false, false);
    }
    print_message("%u kills, %llu events exact\n", KILLS + 9, (unsigned long long)head);
}

static void test_ipc(void **state)
{
    (void)state;
    pair_t pair;
    folder_make(pair.path);
    snprintf(pair.endpoint, sizeof pair.endpoint, "ipc://%s/bus", pair.path);
    run(&pair, 1);
    folder_remove(pair.path);
}

static void test_tcp(void **state)
{
    (void)state;
    pair_t pair;
    folder_make(pair.path);
    snprintf(pair.endpoint, sizeof pair.endpoint, "tcp://127.0.0.1:%d", 10000 + getpid() % 4000);
    run(&pair, 2);
    folder_remove(pair.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ipc), cmocka_unit_test(test_tcp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
