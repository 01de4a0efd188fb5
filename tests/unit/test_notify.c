/* What systemd hears, on a real socket of each kind. */
#include "service/notify.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static int listen_at(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    memcpy(at.sun_path, name, len);
    at.sun_path[0] = name[0] == '@' ? '\0' : name[0];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    return fd;
}

static void hears(const char *name)
{
    char got[64] = "";
    int fd = listen_at(name);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_true(notify_wanted());
    notify("READY=1");
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 120000), 1);
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
}

static void test_hears(void **state)
{
    (void)state;
    char folder[] = "/tmp/chiso-notify-XXXXXX";
    char name[64];
    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/socket", folder);
    hears(name);
    notify("WATCHDOG=1"); /* nobody listens any longer */
    unlink(name);
    rmdir(folder);
    snprintf(name, sizeof name, "@chiso-notify-%d", (int)getpid());
    hears(name);
}

static void test_nobody(void **state)
{
    (void)state;
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    setenv("NOTIFY_SOCKET", longest, 1);
    notify("READY=1");
    static const char *const none[] = {"", "/", "relative", "vsock:1:2"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        setenv("NOTIFY_SOCKET", none[i], 1);
        assert_false(notify_wanted());
        notify("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
    assert_false(notify_wanted());
    notify("READY=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hears),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
