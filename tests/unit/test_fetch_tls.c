/* test_fetch_tls.c - chains, pins, client certificates: against TLS servers with certificates made
 * by openssl for this run. */
#include "fetch_fixture.h"

#include "folder.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static char folder[FOLDER_SIZE];
static char pin[FETCH_REASON_SIZE];

#define PATH_SIZE (FOLDER_SIZE + 32)
#define WRONG_PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* Several calls of one expression have each their own memory. */
static const char *in_folder(const char *name)
{
    static char paths[8][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    return path;
}

static pid_t spawn(char *const *arguments, int in, int out)
{
    pid_t child;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (strcmp(arguments[0], "python3") != 0) {
        posix_spawn_file_actions_adddup2(&actions, out, 2);
    }
    assert_int_equal(posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static int make_certificates(void **state)
{
    (void)state;
    int status;
    folder_make(folder);
    char *arguments[] = {TEST_ROOT "/tests/unit/tls_certificates", folder, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(waitpid(spawn(arguments, null, null), &status, 0) >= 0 ? status : -1, 0);
    close(null);
    buffer_t text = BUFFER_INIT(64);
    folder_read(in_folder("server.pin"), &text);
    snprintf(pin, sizeof pin, "sha256//%s", buffer_text(&text));
    buffer_free(&text);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

/* A server of its own process; ends when its standard input is closed. */
typedef struct {
    pid_t pid;
    int in;
    char url[64];
} tls_t;

static tls_t tls_start(const char *name, const char *option, const char *value)
{
    tls_t tls;
    int in[2];
    int out[2];
    char port[16] = "";
    char certificate[PATH_SIZE];
    char key[PATH_SIZE];
    snprintf(certificate, sizeof certificate, "%s/%s.pem", folder, name);
    snprintf(key, sizeof key, "%s/%s.key", folder, name);
    char *arguments[] = {"python3",
                         TEST_ROOT "/tests/unit/tls_server.py",
                         certificate,
                         key,
                         (char *)option,
                         (char *)value,
                         NULL};
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    tls.pid = spawn(arguments, in[0], out[1]);
    tls.in = in[1];
    close(in[0]);
    close(out[1]);
    struct pollfd ready = {.fd = out[0], .events = POLLIN};
    for (size_t len = 0; strchr(port, '\n') == NULL;) { /* it may come in pieces */
        assert_int_equal(poll(&ready, 1, 120000), 1);
        ssize_t n = read(out[0], port + len, sizeof port - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    close(out[0]);
    port[strcspn(port, "\n")] = '\0';
    snprintf(tls.url, sizeof tls.url, "https://127.0.0.1:%s/", port);
    return tls;
}

static void tls_stop(tls_t *tls)
{
    int status;
    close(tls->in);
    assert_int_equal(waitpid(tls->pid, &status, 0), tls->pid);
    assert_int_equal(status, 0);
}

static fetch_answer_t *ask(const char *url, fetch_policy_t policy)
{
    policy.allow_networks = loopback;
    policy.connect_timeout_ms = policy.timeout_ms = NEVER_MS;
    fetch_request_t request = {.method = "GET",
                               .url = url,
                               .headers = {"Authorization: Bearer hush"},
                               .keep = {"X-Client", "X-Peer", "X-TLS"},
                               .policy = &policy};
    assert_int_equal(fetch_submit(fetch, &request), 0);
    return wait_answer();
}

static void expect_ok(const char *url, fetch_policy_t policy, const char *client)
{
    fetch_answer_t *a = ask(url, policy);
    assert_string_equal(a->reason, "");
    assert_int_equal(a->result, FETCH_ANSWERED);
    expect_body(a, "ok");
    assert_string_equal(fetch_header(a, "X-Client"), client);
    fetch_answer_free(&a);
}

static void expect_refused(const char *url, fetch_policy_t policy, const char *why)
{
    fetch_answer_t *a = ask(url, policy);
    assert_int_equal(a->result, FETCH_NO_ANSWER);
    assert_int_equal(a->status, 0);
    if (strstr(a->reason, why) == NULL || strstr(a->reason, "hush") != NULL) {
        fail_msg("'%s' instead of '%s'", a->reason, why);
    }
    fetch_answer_free(&a);
}

static void test_authority(void **state)
{
    (void)state;
    tls_t tls = tls_start("chain", NULL, NULL);
    fetch_policy_t known = {.ca_file = in_folder("root.pem")};
    fetch_policy_t other = {.ca_file = in_folder("others.pem")};
    expect_refused(tls.url, (fetch_policy_t){0}, "certificate");
    expect_ok(tls.url, known, "nobody");
    /* the connection that is kept now is not for those who do not trust it */
    expect_refused(tls.url, (fetch_policy_t){0}, "certificate");
    expect_refused(tls.url, other, "certificate");
    expect_refused(tls.url, (fetch_policy_t){.ca_file = "/nowhere.pem"}, "");
    expect_ok(tls.url, known, "nobody");
    tls_stop(&tls);
}

/* Browsers hide it, curl fetches none: the missing link stands in the source's own CA file. */
static void trap_05_missing_intermediate(void **state)
{
    (void)state;
    tls_t tls = tls_start("server", NULL, NULL);
    expect_refused(tls.url, (fetch_policy_t){.ca_file = in_folder("root.pem")}, "certificate");
    expect_ok(tls.url, (fetch_policy_t){.ca_file = in_folder("bundle.pem")}, "nobody");
    expect_ok(tls.url, (fetch_policy_t){.ca_file = in_folder("middle.pem")}, "nobody");
    tls_stop(&tls);
}

static void trap_05_self_signed(void **state)
{
    (void)state;
    tls_t tls = tls_start("alone", NULL, NULL);
    expect_refused(tls.url, (fetch_policy_t){0}, "certificate");
    expect_ok(tls.url, (fetch_policy_t){.ca_file = in_folder("alone.pem")}, "nobody");
    tls_stop(&tls);
}

static void test_expired_or_of_another(void **state)
{
    (void)state;
    fetch_policy_t policy = {.ca_file = in_folder("root.pem")};
    tls_t tls = tls_start("expired", NULL, NULL);
    expect_refused(tls.url, policy, "certificate has expired");
    tls_stop(&tls);
    tls = tls_start("elsewhere", NULL, NULL);
    expect_refused(tls.url, policy, "no alternative certificate subject name matches");
    tls_stop(&tls);
}

static void test_pin(void **state)
{
    (void)state;
    char two[2 * FETCH_REASON_SIZE];
    tls_t tls = tls_start("chain", NULL, NULL);
    fetch_policy_t policy = {.ca_file = in_folder("root.pem")};
    snprintf(two, sizeof two, "%s;%s", WRONG_PIN, pin);
    expect_ok(tls.url, policy, "nobody");
    policy.pinned_key = WRONG_PIN; /* not over the connection that is kept either */
    expect_refused(tls.url, policy, "public key does not match pinned public key");
    policy.pinned_key = pin;
    expect_ok(tls.url, policy, "nobody");
    policy.pinned_key = two;
    expect_ok(tls.url, policy, "nobody");
    policy.ca_file = NULL; /* the pin stands beside the chain, not in its place */
    expect_refused(tls.url, policy, "certificate");
    tls_stop(&tls);
}

static void test_client_certificate(void **state)
{
    (void)state;
    tls_t tls = tls_start("chain", "--clients", in_folder("root.pem"));
    fetch_policy_t nobody = {.ca_file = in_folder("root.pem")};
    fetch_policy_t client = nobody;
    client.client_cert = in_folder("client.pem");
    client.client_key = in_folder("client.key");
    fetch_policy_t stranger = nobody;
    stranger.client_cert = in_folder("stranger.pem");
    stranger.client_key = in_folder("stranger.key");
    fetch_policy_t mixed = client;
    mixed.client_key = in_folder("stranger.key");
    fetch_policy_t gone = client;
    gone.client_key = in_folder("gone.key");
    expect_refused(tls.url, nobody, "");
    /* before a connection is kept: curl knows its owner by the certificate, not by the key */
    expect_refused(tls.url, mixed, "");
    expect_refused(tls.url, gone, "");
    expect_ok(tls.url, client, "client");
    expect_refused(tls.url, nobody, ""); /* not over the client's connection */
    expect_refused(tls.url, stranger, "");
    expect_ok(tls.url, client, "client");
    tls_stop(&tls);
}

static void test_old_tls(void **state)
{
    (void)state;
    tls_t tls = tls_start("chain", "--old", NULL);
    expect_refused(tls.url, (fetch_policy_t){.ca_file = in_folder("root.pem")}, "version");
    tls_stop(&tls);
    tls = tls_start("chain", NULL, NULL);
    fetch_answer_t *a = ask(tls.url, (fetch_policy_t){.ca_file = in_folder("root.pem")});
    assert_string_equal(fetch_header(a, "X-TLS"), "TLSv1.3");
    fetch_answer_free(&a);
    tls_stop(&tls);
}

static void test_connection_is_kept(void **state)
{
    (void)state;
    char peer[16];
    tls_t tls = tls_start("chain", NULL, NULL);
    fetch_policy_t policy = {.ca_file = in_folder("root.pem")};
    fetch_answer_t *a = ask(tls.url, policy);
    snprintf(peer, sizeof peer, "%s", fetch_header(a, "X-Peer"));
    fetch_answer_free(&a);
    a = ask(tls.url, policy);
    assert_string_equal(fetch_header(a, "X-Peer"), peer);
    fetch_answer_free(&a);
    tls_stop(&tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_authority),
        TEST(trap_05_missing_intermediate),
        TEST(trap_05_self_signed),
        TEST(test_expired_or_of_another),
        TEST(test_pin),
        TEST(test_client_certificate),
        TEST(test_old_tls),
        TEST(test_connection_is_kept),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
