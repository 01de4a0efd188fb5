/* test_http.c - requests and plain answers; event streams are in test_http_stream.c. */
#include "http_rig.h"

static void reply_echo(http_request_t *request)
{
    const char *q = http_query(request, "q");
    const char *host = http_header(request, "x-test");
    buffer_t text = BUFFER_INIT(65536);
    buffer_printf(&text, "%s %s q=[%s] h=[%s] body=%zu:", http_method(request), http_path(request),
                  q != NULL ? q : "(none)", host != NULL ? host : "(none)", http_body(request).len);
    buffer_append(&text, http_body(request).data, http_body(request).len);
    http_set_header(request, "X-One", "1");
    http_set_header(request, "X-Bad", "a\r\nSet-Cookie: b");
    http_reply(request, 200, "text/plain", buffer_bytes(&text));
    buffer_free(&text);
}

static void handler(http_request_t *request, void *context)
{
    assert_ptr_equal(context, &handled);
    handled++;
    const char *path = http_path(request);
    bytes_t ten = bytes_of_text("0123456789");
    if (strcmp(path, "/late") == 0) {
        http_reply_badly(request, 200, "text/plain", ten, 300, SIZE_MAX);
    } else if (strcmp(path, "/cut") == 0) {
        http_reply_badly(request, 200, "text/plain", ten, 0, 4);
    } else if (strcmp(path, "/cut0") == 0) {
        http_reply_badly(request, 200, "text/plain", ten, 50, 0);
    } else if (strcmp(path, "/nothing") == 0) {
        http_reply_badly(request, 0, NULL, ten, 0, SIZE_MAX);
    } else if (strcmp(path, "/problem") == 0) {
        http_reply_problem(request, 422, "unit \"%s\" %s", "Vĩnh Long", http_query(request, "q"));
    } else if (strcmp(path, "/silent") != 0) {
        reply_echo(request);
    }
}

static void start_with(http_options_t options)
{
    rig_start(options, handler, &handled);
}

static void test_get(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    client_t *c = &clients[0];
    say(c, "GET /a%20b?x=1&q=V%C4%A9nh+Long%26c&y" HOST "X-Test: yes\r\n\r\n");
    until(c, "body=0:");
    assert_true(has(c, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(c, "GET /a b q=[Vĩnh Long&c] h=[yes] body=0:"));
    assert_true(has(c, "\r\nX-One: 1\r\n"));
    assert_true(has(c, "\r\nContent-Type: text/plain\r\n"));
    assert_false(has(c, "Set-Cookie"));
    buffer_clear(&c->in);
    say(c, GET("/b?q=a%00b")); /* same connection; the NUL must not hide the rest */
    until(c, "GET /b q=[(none)] h=[(none)]");
    assert_int_equal(handled, 2);
    rig_stop();
}

static void test_post(void **state)
{
    (void)state;
    start_with((http_options_t){.max_body = 10});
    client_t *c = &clients[0];
    say(c, "POST /p" HOST "Content-Length: 10\r\n\r\n01234");
    run_for(50);
    assert_int_equal(handled, 0); /* only when the whole body is there */
    say(c, "56789");
    until(c, "POST /p q=[(none)] h=[(none)] body=10:0123456789");
    say(&clients[1], "POST /c" HOST "Transfer-Encoding: chunked\r\n\r\n");
    say(&clients[1], "4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n");
    until(&clients[1], "body=7:abcdefg");
    rig_stop();
}

static void test_too_big(void **state)
{
    (void)state;
    start_with((http_options_t){.max_body = 10});
    /* announced, and the client sends it all before it reads */
    say(&clients[0], "POST /p" HOST "Content-Length: 11\r\n\r\n0123456789a");
    until(&clients[0], "HTTP/1.1 413 ");
    /* not announced */
    say(&clients[1], "POST /c" HOST "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n");
    say(&clients[1], "0\r\n\r\n");
    until(&clients[1], "\"status\":413");
    /* waits for leave to send */
    say(&clients[2], "POST /p" HOST "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    until(&clients[2], "\"status\":413");
    assert_false(has(&clients[2], "100 Continue"));
    /* absurd: refused without waiting for it */
    say(&clients[3], "POST /p" HOST "Content-Length: 99999999999\r\n\r\n");
    until(&clients[3], "\"status\":413");
    until(&clients[3], NULL);
    assert_int_equal(handled, 0);
    rig_stop();
}

/* A megabyte too much, sent by a client that reads only afterwards: it must see the 413. */
static void test_too_big_drained(void **state)
{
    (void)state;
    start_with((http_options_t){.max_body = 1000});
    size_t len = 1024 * 1024;
    char *body = malloc(len + 1);
    memset(body, 'a', len);
    body[len] = '\0';
    say(&clients[0], "POST /p" HOST "Content-Length: 1048576\r\n\r\n");
    say(&clients[0], body);
    until(&clients[0], "\"status\":413");
    free(body);
    rig_stop();
}

static void admit(http_request_t *request, void *context)
{
    char address[HTTP_ADDRESS_SIZE];
    assert_ptr_equal(context, &handled);
    assert_int_equal(http_body(request).len, 0);
    assert_string_equal(http_peer(request, address), "127.0.0.1");
    http_limit_body(request, strcmp(http_path(request), "/small") == 0 ? 4 : 1000000);
    if (http_header(request, "X-Test") == NULL) {
        http_set_header(request, "X-Why", "who");
        http_reply_problem(request, 401, "who is it?");
    }
}

/* Refused by its headers: the handler never sees it, and a client that sends all of its body first
 * sees the answer. */
static void test_admit(void **state)
{
    (void)state;
    start_with((http_options_t){.max_body = 100, .admit = admit});
    say(&clients[0], "POST /p" HOST "Content-Length: 10\r\n\r\n01234");
    run_for(50);
    assert_false(has(&clients[0], "401"));
    say(&clients[0], "56789");
    until(&clients[0], "\"status\":401");
    assert_true(has(&clients[0], "X-Why: who"));
    say(&clients[1], GET("/g"));
    until(&clients[1], "\"status\":401");
    say(&clients[2], "POST /p" HOST "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    until(&clients[2], "\"status\":401");
    assert_false(has(&clients[2], "100 Continue"));
    assert_int_equal(handled, 0);
    /* on the same connection, let in now */
    buffer_clear(&clients[0].in);
    say(&clients[0], "POST /small" HOST "X-Test: y\r\nContent-Length: 4\r\n\r\nabcd");
    until(&clients[0], "body=4:abcd");
    buffer_clear(&clients[0].in);
    say(&clients[0], "POST /small" HOST "X-Test: y\r\nContent-Length: 5\r\n\r\nabcde");
    until(&clients[0], "at most 4 bytes");
    say(&clients[3], "POST /p" HOST "X-Test: y\r\nContent-Length: 101\r\n\r\n");
    for (int i = 0; i < 101; i++) {
        say(&clients[3], "a");
    }
    until(&clients[3], "at most 100 bytes"); /* the limit is never raised */
    assert_int_equal(handled, 1);
    rig_stop();
}

static void test_no_answer(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    say(&clients[0], GET("/silent"));
    until(&clients[0], "HTTP/1.1 500 ");
    until(&clients[0], "\"status\":500");
    rig_stop();
}

static void test_head(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    say(&clients[0], "HEAD /x" HOST "Connection: close\r\n\r\n");
    until(&clients[0], NULL);
    assert_true(has(&clients[0], "HTTP/1.1 200 OK\r\n"));
    assert_true(has(&clients[0], "Content-Length: 36\r\n"));
    assert_false(has(&clients[0], "body="));
    rig_stop();
}

static void test_problem(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    say(&clients[0], "GET /problem?q=%0a%ff" HOST "Connection: close\r\n\r\n");
    say(&clients[1], "GET /problem?q=%22ok%22" HOST "Connection: close\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        until(&clients[i], NULL);
        assert_true(has(&clients[i], "HTTP/1.1 422 "));
        assert_true(has(&clients[i], "Content-Type: application/problem+json\r\n"));
        const char *body = strstr(buffer_text(&clients[i].in), "\r\n\r\n") + 4;
        json_t *json = json_loads(body, 0, NULL);
        assert_non_null(json);
        assert_string_equal(json_string_value(json_object_get(json, "type")), "about:blank");
        assert_int_equal(json_integer_value(json_object_get(json, "status")), 422);
        assert_non_null(json_string_value(json_object_get(json, "title")));
        const char *detail = json_string_value(json_object_get(json, "detail"));
        assert_string_equal(detail,
                            i == 0 ? "unit \"V??nh Long\" \n?" : "unit \"Vĩnh Long\" \"ok\"");
        json_decref(json);
    }
    rig_stop();
}

static void test_connection_limit(void **state)
{
    (void)state;
    start_with((http_options_t){.max_connections = 4});
    for (int i = 0; i < 4; i++) {
        say(&clients[i], GET("/x"));
        until(&clients[i], "body=0:");
    }
    say(&clients[4], GET("/x"));
    turns = 0;
    run_for(200);
    assert_int_equal(handled, 4);
    assert_true(turns < 20); /* and the one that waits makes no busy loop */
    close(clients[0].fd);
    clients[0].fd = -1;
    until(&clients[4], "body=0:");
    rig_stop();
}

static void test_per_address_limit(void **state)
{
    (void)state;
    start_with((http_options_t){.max_per_address = 2});
    for (int i = 0; i < 2; i++) {
        say(&clients[i], GET("/x"));
        until(&clients[i], "body=0:");
    }
    clients[2].fd = connect_to(http_port(server));
    until(&clients[2], NULL);
    rig_stop();
}

static void test_bad_replies(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    int64_t began = clock_mono_ms();
    say(&clients[0], GET("/late"));
    say(&clients[1], GET("/x"));
    until(&clients[1], "body=0:");
    /* nobody waits for the late one */
    assert_true(clients[0].in.len == 0 || clock_mono_ms() - began >= 300);
    turns = 0;
    until(&clients[0], "0123456789");
    assert_true(clock_mono_ms() - began >= 300);
    assert_true(turns < 20);
    say(&clients[0], GET("/x")); /* the connection goes on */
    until(&clients[0], "body=0:");
    say(&clients[2], GET("/cut"));
    until(&clients[2], NULL);
    assert_true(has(&clients[2], "Content-Length: 10\r\n"));
    assert_true(has(&clients[2], "\r\n\r\n0123"));
    assert_false(has(&clients[2], "01234"));
    say(&clients[3], GET("/cut0"));
    until(&clients[3], NULL);
    assert_true(has(&clients[3], "Content-Length: 10\r\n"));
    assert_false(has(&clients[3], "\r\n\r\n0"));
    say(&clients[4], GET("/nothing"));
    until(&clients[4], NULL);
    assert_int_equal(clients[4].in.len, 0);
    rig_stop();
}

static void test_addresses(void **state)
{
    (void)state;
    http_t *other = NULL;
    start_with((http_options_t){0});
    http_options_t taken = {.address = "127.0.0.1", .port = http_port(server)};
    assert_int_equal(http_start(&taken, handler, NULL, &other), -EADDRINUSE);
    http_options_t name = {.address = "localhost"};
    assert_int_equal(http_start(&name, handler, NULL, &other), -EINVAL);
    assert_null(other);
    uint16_t port = http_port(server);
    say(&clients[0], GET("/x"));
    until(&clients[0], "body=0:");
    rig_stop();
    /* the port can be had again at once, with a connection still in TIME_WAIT */
    start_with((http_options_t){.port = port});
    rig_stop();
    http_options_t six = {.address = "::1"};
    int rc = http_start(&six, handler, NULL, &other);
    assert_true(rc == 0 || rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL);
    http_stop(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_post),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_too_big_drained),
        cmocka_unit_test(test_admit),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_per_address_limit),
        cmocka_unit_test(test_bad_replies),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
