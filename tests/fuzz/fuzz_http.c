/* fuzz_http.c - any bytes as what a client of the publisher sends: the real server and the real API
 * over loopback, on a model with one result. Whatever comes, the server answers the next one. */
#include "http/http.h"

#include "base/error.h"
#include "publisher/api/api.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static http_t *server;
static model_t model;
static catalog_t *catalog;
static api_t api;

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool connected(void *context, uint64_t *lag)
{
    (void)context;
    *lag = 0;
    return true;
}

static void take_one(store_t *store, journal_t *journal)
{
    event_unit_t unit = CHISO__V1__UNIT__INIT;
    event_score_t score = CHISO__V1__SCORE__INIT;
    event_t event = CHISO__V1__EVENT__INIT;
    unit.code = (char *)(uintptr_t) "91";
    unit.name = (char *)(uintptr_t) "An Giang";
    unit.level = CHISO__V1__LEVEL__PROVINCE;
    score.index = (char *)(uintptr_t) "dvc-766";
    score.period = (char *)(uintptr_t) "2025";
    score.unit = &unit;
    score.revision = 1;
    score.as_of = 1;
    score.points = (char *)(uintptr_t) "1";
    score.max = (char *)(uintptr_t) "100";
    event.body_case = CHISO__V1__EVENT__BODY_SCORE;
    event.score = &score;
    store_txn_t *txn = store_write(store);
    require(model_apply(&model, txn, 1, &event, false) == 0);
    journal_seal(journal, txn);
    require(store_commit(&txn) == 0);
    journal_settle(journal, true);
}

static void start(void)
{
    static char folder[] = "/tmp/chiso-fuzz-XXXXXX";
    static const char *const files[] = {TEST_ROOT "/catalogs/dvc-766.yaml"};
    char path[64];
    store_t *store;
    journal_t *journal;
    require(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/store", folder);
    store_options_t options = {.map_size = 16 << 20, .tables = model_tables};
    require(store_open(path, &options, NULL, &store) == 0);
    static const char *const files_of_store[] = {"data.mdb", "lock.mdb", "owner.lock"};
    for (int i = 0; i < 3; i++) { /* open, so no name is needed */
        char name[96];
        snprintf(name, sizeof name, "%s/%s", path, files_of_store[i]);
        unlink(name);
    }
    rmdir(path);
    rmdir(folder);
    require(journal_open(store, &(journal_options_t){.records = MODEL_JOURNAL}, &journal) == 0);
    require(catalog_load(files, 1, stderr, &catalog) == 0);
    require(model_open(&model, store, journal, catalog) == 0);
    take_one(store, journal);
    api.model = &model;
    api.catalog = catalog;
    api.connected = connected;
    http_options_t http = {.address = "127.0.0.1", .max_body = 4096, .max_connections = 8};
    require(http_start(&http, api_handle, &api, &server) == 0);
}

/* Runs the server until the client is answered or there is nothing more to do. */
static size_t talk(const void *data, size_t size, int turns, char *answer, size_t room)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_port(server))};
    struct linger at_once = {1, 0};
    size_t got = 0;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); /* leave no TIME_WAIT */
    fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)!send(fd, data, size, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < turns; i++) {
        http_run(server);
        ssize_t n = recv(fd, answer + got, room - got, 0);
        if (n == 0 || (size_t)n == room - got) {
            break;
        }
        got += n > 0 ? (size_t)n : 0;
        if (n < 0 && i > 2) {
            struct pollfd p[2] = {{.fd = http_fd(server), .events = POLLIN},
                                  {.fd = fd, .events = POLLIN}};
            if (poll(p, 2, 2) == 0) {
                break;
            }
        }
    }
    close(fd);
    http_run(server);
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[65536];
    static unsigned n;
    static const char good[] = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    if (server == NULL) {
        start();
    }
    size_t got = talk(data, size < 65536 ? size : 65536, 40, answer, sizeof answer);
    require(got == 0 || (got >= 9 && memcmp(answer, "HTTP/1.", 7) == 0));
    if (n++ % 64 == 0) {
        http_wake_streams(server);
        got = talk(good, sizeof good - 1, 200, answer, sizeof answer);
        require(got > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0);
    }
    return 0;
}
