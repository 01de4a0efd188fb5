/* test_bus_curve.c - who gets in: only a key that the server knows, from a client that knows the
 * server's. And which endpoints may be opened at all. */
#include "bus/frame.h"
#include "bus_rig.h"

#include <dlfcn.h>
#include <sys/stat.h>

typedef struct {
    producer_t producer;
    consumer_t consumer;
    zactor_t *actor;
    char *server, *server_secret, *clients;
    char *known, *known_secret, *other, *other_secret;
} rig_t;

/* czmq's own: it forgets a file that is no key. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:zfile_new\n";
}

static zactor_t *authenticator; /* of the server that was started last */

/* In front of czmq's, because the server keeps its authenticator to itself. */
zactor_t *zactor_new(zactor_fn task, void *args)
{
    zactor_t *(*real)(zactor_fn, void *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "zactor_new");
    assert_non_null(real);
    zactor_t *actor = real(task, args);
    if (task == zauth) {
        authenticator = actor;
    }
    return actor;
}

static void make_key(const char *folder, const char *name, char **public, char **secret)
{
    *public = folder_file(folder, name);
    assert_true(asprintf(secret, "%s_secret", *public) > 0);
    zcert_t *key = zcert_new();
    assert_non_null(key);
    assert_int_equal(zcert_save(key, *public), 0);
    zcert_destroy(&key);
}

static int setup(void **state)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->producer.path);
    consumer_open(&rig->consumer);
    rig->clients = folder_file(rig->producer.path, "clients");
    assert_int_equal(mkdir(rig->clients, 0700), 0);
    make_key(rig->producer.path, "server.key", &rig->server, &rig->server_secret);
    make_key(rig->producer.path, "other.key", &rig->other, &rig->other_secret);
    make_key(rig->producer.path, "known.key", &rig->known, &rig->known_secret);
    zcert_t *known = zcert_load(rig->known);
    char *copy = folder_file(rig->clients, "known.key");
    assert_int_equal(zcert_save_public(known, copy), 0);
    free(copy);
    zcert_destroy(&known);
    snprintf(rig->producer.endpoint, sizeof rig->producer.endpoint, "tcp://127.0.0.1:*");
    rig->producer.curve = (bus_curve_t){.secret = rig->server_secret, .clients = rig->clients};
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 10 50");
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_t *rig = *state;
    zactor_destroy(&rig->actor);
    folder_remove(rig->producer.path);
    consumer_close(&rig->consumer);
    char *names[] = {rig->server,       rig->server_secret, rig->clients,     rig->known,
                     rig->known_secret, rig->other,         rig->other_secret};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        free(names[i]);
    }
    free(rig);
    return 0;
}

/* Does a client with these keys get the ten events? */
static bool gets_in(rig_t *rig, const char *secret, const char *server, int limit_ms)
{
    bus_client_options_t client = {.endpoint = rig->producer.endpoint,
                                   .curve = {.secret = secret, .server = server}};
    rig->consumer.done = done_at;
    rig->consumer.wanted = 10;
    bool in = consume(&rig->consumer, &client, limit_ms);
    assert_true(in == (consumer_has(&rig->consumer) == 10));
    return in;
}

static void test_known(void **state)
{
    rig_t *rig = *state;
    assert_true(gets_in(rig, rig->known_secret, rig->server, LIMIT_MS));
    consumer_holds(&rig->consumer, 10, 50);
}

static void test_refused(void **state)
{
    rig_t *rig = *state;
    assert_false(gets_in(rig, rig->other_secret, rig->server, 2500));    /* unknown key */
    assert_false(gets_in(rig, NULL, NULL, 2500));                        /* no key */
    assert_false(gets_in(rig, rig->known_secret, rig->other, 2500));     /* wrong server key */
    assert_true(gets_in(rig, rig->known_secret, rig->server, LIMIT_MS)); /* nobody else suffers */
}

/* A key put into the folder later is known at once: the operator restarts nothing. */
static void test_added(void **state)
{
    rig_t *rig = *state;
    assert_false(gets_in(rig, rig->other_secret, rig->server, 1500));
    zcert_t *other = zcert_load(rig->other);
    char *copy = folder_file(rig->clients, "other.key");
    assert_int_equal(zcert_save_public(other, copy), 0);
    zcert_destroy(&other);
    free(copy);
    assert_true(gets_in(rig, rig->other_secret, rig->server, LIMIT_MS));
}

/* The server's authenticator ends while the server runs. Then nobody is let in any more: neither a
 * stranger nor a known key, for nobody can tell them apart. */
static void test_dead_authenticator(void **state)
{
    rig_t *rig = *state;
    assert_true(gets_in(rig, rig->known_secret, rig->server, LIMIT_MS));
    assert_non_null(authenticator);
    assert_int_equal(zstr_send(authenticator, "$TERM"), 0);
    order(rig->actor, "append 10 50");
    for (int i = 0; bus_server_guarded(rig->producer.server); i++) {
        assert_true(i < LIMIT_MS / 50);
        zclock_sleep(50);
        order(rig->actor, "append 1 50"); /* its thread has turned */
    }
    rig->consumer.wanted = 20;
    for (int known = 0; known < 2; known++) {
        bus_client_options_t client = {
            .endpoint = rig->producer.endpoint,
            .curve = {.secret = known ? rig->known_secret : rig->other_secret,
                      .server = rig->server}};
        consume(&rig->consumer, &client, 2500);
        assert_int_equal(consumer_has(&rig->consumer), 10);
    }
}

static void test_endpoints(void **state)
{
    rig_t *rig = *state;
    char reason[256] = "";
    const bus_curve_t none = {0};
    static const char *const local[] = {"ipc:///tmp/x", "tcp://127.0.0.1:1", "tcp://[::1]:1",
                                        "tcp://localhost:*", "tcp://127.8.9.1:7101"};
    static const char *const open_[] = {
        "tcp://0.0.0.0:1",          "tcp://*:7101", "tcp://[::]:1",
        "tcp://10.0.0.1:1",         "tcp://eth0:1", "tcp://[::10]:1",
        "tcp://localhost.example:1"};
    static const char *const odd[] = {"", "udp://127.0.0.1:1", "inproc://x", "127.0.0.1:1",
                                      "tcp:x"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        assert_int_equal(bus_check_endpoint(local[i], &none, true, reason), 0);
    }
    for (size_t i = 0; i < sizeof open_ / sizeof open_[0]; i++) {
        reason[0] = '\0';
        assert_int_equal(bus_check_endpoint(open_[i], &none, true, reason), CHISO_E_CONFIG);
        assert_non_null(strstr(reason, open_[i]));
        assert_int_equal(bus_check_endpoint(open_[i], &rig->producer.curve, true, reason), 0);
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_int_equal(bus_check_endpoint(odd[i], &none, true, reason), CHISO_E_CONFIG);
        assert_int_equal(bus_check_endpoint(odd[i], &none, false, reason), CHISO_E_CONFIG);
    }
    bus_curve_t half = {.secret = rig->known_secret};
    assert_int_equal(bus_check_endpoint("ipc:///x", &half, true, reason), CHISO_E_CONFIG);
    assert_non_null(strstr(reason, "clients") != NULL ? strstr(reason, "clients")
                                                      : strstr(reason, "client keys"));
    assert_int_equal(bus_check_endpoint("ipc:///x", &half, false, reason), CHISO_E_CONFIG);
    assert_non_null(strstr(reason, "public key"));
    half = (bus_curve_t){.secret = "/nonexistent", .clients = rig->clients};
    assert_int_equal(bus_check_endpoint("ipc:///x", &half, true, reason), CHISO_E_CONFIG);
    assert_non_null(strstr(reason, "/nonexistent"));
}

/* A key file that is not one, and a place that is taken, are told with a reason. */
static void test_start_refused(void **state)
{
    rig_t *rig = *state;
    char reason[256] = "";
    zloop_t *loop = zloop_new();
    folder_write(rig->producer.path, "noise.key", bytes_of_text("nothing = here\n"));
    char *noise = folder_file(rig->producer.path, "noise.key");
    bus_server_t *server = NULL;
    bus_client_t *client = NULL;
    bus_server_options_t options = {.endpoint = "tcp://127.0.0.1:*",
                                    .curve = {.secret = noise, .clients = rig->clients}};
    assert_int_equal(bus_server_start(loop, &options, reason, &server), CHISO_E_CONFIG);
    assert_non_null(strstr(reason, noise));
    assert_null(server);
    bus_client_options_t to = {.endpoint = rig->producer.endpoint,
                               .consumer = "c",
                               .curve = {.secret = rig->known_secret, .server = noise}};
    reason[0] = '\0';
    assert_int_equal(bus_client_start(loop, &to, &(bus_handler_t){0}, reason, &client),
                     CHISO_E_CONFIG);
    assert_non_null(strstr(reason, noise));
    assert_null(client);
    options = (bus_server_options_t){.endpoint = rig->producer.endpoint};
    assert_int_equal(bus_server_start(loop, &options, reason, &server), -EADDRINUSE);
    assert_non_null(strstr(reason, rig->producer.endpoint));
    assert_null(server);
    free(noise);
    zloop_destroy(&loop);
}

int main(void)
{
    bus_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_added, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_authenticator, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_start_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
