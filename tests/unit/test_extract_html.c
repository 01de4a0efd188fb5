/* test_extract_html.c - HTML bodies, read by the real chiso-html; and a child that fails in every
 * way a child can. */
#include "extract_rig.h"

#include "base/clock.h"
#include "base/error.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ITEM "//li[.//a[contains(@href,'/danh-ba-tin-nhiem/')]/span]"
#define DIRECTORY                                                                                  \
    "!domain", ".//a/span", "url", ".//a[span]/@href", "date",                                     \
        "substring-after(.//*[contains(text(),'Tín nhiệm mạng:')], ':')", "owner",                 \
        ".//*[contains(text(),'Sở hữu bởi')]/a", "level", ".//*[starts-with(.,'Chứng nhận')]"

static void test_directory_page(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, ITEM, DIRECTORY);
    rig.spec.proof = "//*[@id='obj-list']";
    assert_int_equal(rig_fixture(&rig, "tinnhiemmang_list.html"), EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, 10); /* not the menu, not what a script writes */
    assert_cell(&rig, 1, 0, "dichvucong.vinhlong.gov.vn");
    assert_cell(&rig, 1, 1,
                "https://tinnhiemmang.vn/danh-ba-tin-nhiem/dichvucongvinhlonggovvn-1625918254");
    assert_cell(&rig, 1, 2, "14/07/2021");
    assert_cell(&rig, 1, 3, "UBND tỉnh Vĩnh Long");
    assert_cell(&rig, 1, 4, "Chứng nhận cơ bản");
    assert_cell(&rig, 6, 4, "Chứng nhận nâng cao");
    assert_int_equal(rig.table.rows[9].line, 10);
    assert_non_null(strstr(rig.table.rows[1].raw, "<span>dichvucong.vinhlong.gov.vn</span>"));
    for (size_t i = 0; i < 10; i++) {
        assert_null(rig.table.rows[i].fault);
    }
    extract_free(&rig.table);
}

static void test_trap_15_owners_in_nfc_with_single_spaces(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, ITEM, DIRECTORY);
    rig_fixture(&rig, "tinnhiemmang_list.html");
    for (size_t i = 0; i < rig.table.n_rows; i++) {
        const char *owner = rig_cell(&rig, i, 3);
        assert_non_null(owner);
        assert_true(text_is_nfc(owner, strlen(owner)));
        assert_null(strstr(owner, "  "));
    }
    assert_cell(&rig, 7, 3, "Ủy ban nhân dân quận Đồ Sơn"); /* decomposed on the site */
    assert_cell(&rig, 9, 3, "Phòng Giáo dục & Đào tạo huyện Kiên Lương");
    /* a literal in NFC finds a page in NFD */
    RIG_SPEC(&rig, EXTRACT_HTML, "//p[contains(.,'Tín nhiệm')]", "all", ".");
    rig_body(&rig, "<p>Ti\xcc\x81n nhie\xcc\xa3\xcc\x82m</p>");
    assert_int_equal(rig.table.n_rows, 1);
    assert_cell(&rig, 0, 0, "Tín nhiệm");
    extract_free(&rig.table);
}

static void test_fragment_plain_and_wrapped_in_json(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, ITEM, DIRECTORY);
    rig.spec.proof = "//*[@id='obj-list']";
    rig.spec.wrapped = "/html";
    static const char *const names[] = {"tinnhiemmang_filter.html", "tinnhiemmang_filter.json"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_fixture(&rig, names[i]), EXTRACT_ROWS);
        assert_int_equal(rig.table.n_rows, 1);
        assert_cell(&rig, 0, 0, "dichvucong.vinhlong.gov.vn");
        assert_cell(&rig, 0, 3, "UBND tỉnh Vĩnh Long");
    }
    assert_int_equal(rig_body(&rig, "{\"message\":\"CSRF token mismatch.\"}"), EXTRACT_MALFORMED);
    assert_string_equal(rig.table.reason, "there is no page at /html in the body");
    assert_int_equal(rig_body(&rig, "{\"html\":\"<section id="), EXTRACT_MALFORMED);
    assert_reason(&rig, "the body is cut");
    rig.spec.wrapped = NULL;
    assert_int_equal(rig_fixture(&rig, "tinnhiemmang_filter.json"), EXTRACT_MALFORMED);
    assert_string_equal(rig.table.reason, "JSON instead of a page");
    extract_free(&rig.table);
}

static void test_trap_29_not_in_the_directory_is_not_unread(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, ITEM, DIRECTORY);
    rig.spec.proof = "//*[@id='obj-list']";
    assert_int_equal(rig_fixture(&rig, "tinnhiemmang_none.html"), EXTRACT_EMPTY);
    assert_int_equal(rig_fixture(&rig, "portal_emc.html"), EXTRACT_BLOCKED);
    assert_reason(&rig, "\"Cổng thông tin điện tử tỉnh\"");
    extract_free(&rig.table);
}

static void test_trap_01_challenge_is_blocked(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, ITEM, DIRECTORY);
    rig.spec.proof = "//*[@id='obj-list']";
    assert_int_equal(rig_fixture(&rig, "cloudflare_challenge.html"), EXTRACT_BLOCKED);
    assert_string_equal(rig.table.reason,
                        "a page instead of the expected one: \"Just a moment...\"");
    assert_int_equal(rig_fixture(&rig, "f5_rejected.html"), EXTRACT_BLOCKED);
    assert_reason(&rig, "support ID is: 12649813365416847931");
    assert_int_equal(rig_body(&rig, ""), EXTRACT_BLOCKED);
    assert_int_equal(rig_body(&rig, "upstream connect error"), EXTRACT_BLOCKED);
    assert_reason(&rig, "no page: it has no tags");
    assert_int_equal(rig_body(&rig, "<!-- -->"), EXTRACT_BLOCKED);
    extract_free(&rig.table);
}

static void test_trap_09_charset_mislabelled(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, "//div[@id='table-container']//tr[@data-coquan-id]", "!unit",
             "@data-coquan-id", "name", "td[2]", "ckmb", "td[3]", "total", "td[last()]");
    rig.spec.proof = "//div[@id='table-container']//tr/th";
    assert_int_equal(rig_fixture(&rig, "dvc_board.html"), EXTRACT_ROWS); /* says windows-1252 */
    assert_int_equal(rig.table.n_rows, 3);
    assert_cell(&rig, 0, 0, "401621");
    assert_cell(&rig, 0, 1, "UBND tỉnh Bắc Ninh");
    assert_int_equal(rig_body(&rig, "<title>x</title>\xe0 la carte"), EXTRACT_MALFORMED);
    assert_string_equal(rig.table.reason, "not UTF-8 from byte 16 on");
    assert_int_equal(rig_body(&rig, "\xef\xbb\xbf<div id='table-container'><table><tr><th>"),
                     EXTRACT_EMPTY); /* a mark is usual on pages */
    extract_free(&rig.table);
}

static void test_trap_13_decimal_comma_and_raw_of_max(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, "//tr[@data-coquan-id]", "ckmb", "td[3]", "total", "td[last()]");
    rig_fixture(&rig, "dvc_board.html");
    assert_cell(&rig, 0, 0, "15,64/18");
    assert_cell(&rig, 0, 1, "91,64");
    extract_free(&rig.table);
}

static void test_portal_with_the_tracking_tag(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_HTML, "/html", "tag",
             "boolean(//script[contains(.,'f-emc.ngsp.gov.vn/embed/gov-tracking.min.js')])", "site",
             "translate(substring-before(substring-after(//script, \"'setSiteId',\"), ']'), "
             "\"' \", '')");
    assert_int_equal(rig_fixture(&rig, "portal_emc.html"), EXTRACT_ROWS);
    assert_cell(&rig, 0, 0, "true");
    assert_cell(&rig, 0, 1, "4064");
    assert_int_equal(rig_fixture(&rig, "dvc_board.html"), EXTRACT_ROWS);
    assert_cell(&rig, 0, 0, "false");
    assert_null(rig_cell(&rig, 0, 1));
    extract_free(&rig.table);
}

static void test_rows_and_cells(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    uint8_t shape[32];
    RIG_SPEC(&rig, EXTRACT_HTML, "//li", "a", "a", "!b", "b", "n", "count(*)", "third",
             "count(*) div 3");
    assert_int_equal(rig_body(&rig, "<ul><li><a>1<b>2</b></a><li><b> </b><li><b>&#1;</b><li>"
                                    "<b>x&nbsp;\x0b y\xc2\x85z</b>"),
                     EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, 4);
    assert_string_equal(rig.table.rows[0].fault,
                        "column third is no clean text and no whole number");
    assert_cell(&rig, 0, 2, "1");
    assert_null(rig_cell(&rig, 0, 1)); /* the b is within the a */
    assert_null(rig_cell(&rig, 1, 1));
    assert_cell(&rig, 3, 1, "x y z");
    memcpy(shape, rig.table.shape, 32);
    rig_body(&rig, "<ul><li><b>2</b>");
    assert_memory_not_equal(shape, rig.table.shape, 32); /* no "a" any more */
    assert_int_equal(rig_body(&rig, "<p>x"), EXTRACT_EMPTY);
    RIG_SPEC(&rig, EXTRACT_HTML, "//li", "a", "a");
    assert_int_equal(rig_body(&rig, "<li>x<li>y"), EXTRACT_MALFORMED);
    assert_reason(&rig, "none of the 2 rows has any of the columns, as a");
    RIG_SPEC(&rig, EXTRACT_HTML, "count(//li)", "a", "a");
    assert_int_equal(rig_body(&rig, "<li>x"), EXTRACT_MALFORMED);
    assert_string_equal(rig.table.reason, "the XPath of the rows gives no elements");
    extract_free(&rig.table);
}

static void test_limits_of_a_page(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    size_t n = EXTRACT_MAX_PAGE + 2;
    char *body = malloc(n + 1);
    assert_non_null(body);
    RIG_SPEC(&rig, EXTRACT_HTML, "//i", "a", ".");
    memset(body, 'x', n);
    memcpy(body, "<i>", 3);
    body[n] = '\0';
    assert_int_equal(rig_body(&rig, body), EXTRACT_MALFORMED);
    assert_reason(&rig, "a page larger than 8388608 bytes");
    body[70000] = '\0';
    assert_int_equal(rig_body(&rig, body), EXTRACT_ROWS);
    assert_string_equal(rig.table.rows[0].fault, "column a is longer than 65536 bytes");
    assert_true(strlen(rig.table.rows[0].raw) <= 16 * 1024);
    for (size_t i = 0; i < 60000; i++) { /* tags within tags within tags */
        memcpy(body + 5 * i, "<div>", 5);
    }
    body[300000] = '\0';
    rig.spec.rows = "//div[not(div)]";
    assert_int_equal(rig_body(&rig, body), EXTRACT_MALFORMED); /* not the rows so far */
    assert_string_equal(rig.table.reason, "nested too deeply, or more than the parser takes");
    /* an expression that looks at everything for everything for everything */
    rig.spec.rows = "//b[count(//b[count(//b[count(//b) > 1]) > 1]) > 1]";
    for (size_t i = 0; i < 2000; i++) {
        memcpy(body + 7 * i, "<b></b>", 7);
    }
    body[14000] = '\0';
    assert_int_equal(rig_body(&rig, body), EXTRACT_MALFORMED);
    assert_true(rig.table.reason[0] != '\0');
    extract_free(&rig.table);
    free(body);
}

/* ---- a child that fails ---- */

static void script(const char *path, const char *commands)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", commands);
    fclose(f);
    assert_int_equal(chmod(path, 0755), 0);
}

static void test_whatever_the_child_does(void **state)
{
    (void)state;
    static const struct {
        const char *commands, *reason;
        extract_kind_t kind;
    } cases[] = {
        {"kill -SEGV $$", "by signal 11", EXTRACT_MALFORMED},
        {"kill -XCPU $$", "more than 3 s of processor time", EXTRACT_MALFORMED},
        {"exit 3", "with code 3", EXTRACT_MALFORMED},
        {"exit 1", "within the limits", EXTRACT_MALFORMED},
        {"exit 0", "is cut", EXTRACT_MALFORMED},
        {"echo '{\"cells\":[\"1\"],\"raw\":\"\"}'", "is cut", EXTRACT_MALFORMED},
        {"printf '{\"end\":\"rows\"}'", "is cut", EXTRACT_MALFORMED},
        {"echo '{\"end\":\"rows\"}'; echo x", "is cut", EXTRACT_MALFORMED},
        {"echo '{\"end\":\"other\"}'", "is cut", EXTRACT_MALFORMED},
        {"echo '{\"cells\":[\"1\",\"2\"],\"raw\":\"\"}'; echo '{\"end\":\"rows\"}'", "is cut",
         EXTRACT_MALFORMED},
        {"echo '{\"cells\":[{}],\"raw\":\"\"}'; echo '{\"end\":\"rows\"}'", "none of the 1 rows",
         EXTRACT_MALFORMED},
        {"exec sleep 60", "longer than 1500 ms", EXTRACT_MALFORMED},
        {"exec >&-; exec sleep 60", "longer than 1500 ms", EXTRACT_MALFORMED},
        {"env | grep -q SECRET && exit 4; cat >/dev/null; ls /proc/self/fd | grep -q '^[5-9]' && "
         "exit 5; echo '{\"cells\":[\"1\"],\"raw\":\"\"}'; echo '{\"end\":\"rows\"}'",
         "", EXTRACT_ROWS},
    };
    extract_rig_t rig = {0};
    char path[] = "/tmp/chiso-test-child-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    int leaked = open("/dev/null", O_RDONLY); /* without FD_CLOEXEC */
    assert_true(leaked >= 0 && dup2(leaked, 9) == 9);
    setenv("SECRET", "x", 1);
    RIG_SPEC(&rig, EXTRACT_HTML, "//i", "a", ".");
    rig.spec.html_path = path;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script(path, cases[i].commands);
        bool waits = strstr(cases[i].commands, "sleep") != NULL;
        rig.spec.page_ms = waits ? 1500 : 60000;
        assert_int_equal(rig_body(&rig, "<i>"), cases[i].kind);
        assert_reason(&rig, cases[i].reason);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left behind */
    }
    script(path, "exec cat /dev/zero");
    rig.spec.page_ms = 60000;
    assert_int_equal(rig_body(&rig, "<i>"), EXTRACT_MALFORMED);
    assert_reason(&rig, "more than 67108864 bytes");
    close(leaked);
    close(9);
    extract_table_t table;
    script(path, "exit 5"); /* it could not confine itself: that is not the page's fault */
    assert_int_equal(extract(&rig.spec, bytes_of_text("<i>"), &table), -EPERM);
    unlink(path);
    assert_int_equal(extract(&rig.spec, bytes_of_text("<i>"), &table), -ENOENT);
    extract_free(&rig.table);
}

/* What the kernel says of it while it waits for its page. */
static void test_the_child_is_confined(void **state)
{
    (void)state;
    char path[512], line[256];
    int fds[2];
    pid_t pid;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
    assert_true(n > 0);
    path[n] = '\0';
    strncpy(strrchr(path, '/') + 1, "chiso-html", 12);
    const char *const argv[] = {path, "--rows", "//i", ".", NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t files;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fds[0], 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    assert_int_equal(
        posix_spawn(&pid, path, &files, NULL, (char *const *)(uintptr_t)argv, environment), 0);
    posix_spawn_file_actions_destroy(&files);
    char status[64];
    snprintf(status, sizeof status, "/proc/%d/status", (int)pid);
    bool filtered = false, no_privileges = false;
    int64_t until = clock_mono_ms() + 120000;
    while (!(filtered && no_privileges) && clock_mono_ms() < until) {
        FILE *f = fopen(status, "r");
        while (f != NULL && fgets(line, sizeof line, f) != NULL) {
            filtered = filtered || strcmp(line, "Seccomp:\t2\n") == 0;
            no_privileges = no_privileges || strcmp(line, "NoNewPrivs:\t1\n") == 0;
        }
        if (f != NULL) {
            fclose(f);
        }
    }
    assert_true(filtered && no_privileges);
    snprintf(status, sizeof status, "/proc/%d/limits", (int)pid);
    FILE *f = fopen(status, "r");
    bool cpu = false, core = false;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        cpu = cpu || (strncmp(line, "Max cpu time ", 13) == 0 && strstr(line, "unlimited") == NULL);
        core = core || strncmp(line, "Max core file size        0 ", 28) == 0;
    }
    assert_non_null(f);
    fclose(f);
    assert_true(cpu && core);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_check(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    char reason[EXTRACT_REASON_SIZE];
    RIG_SPEC(&rig, EXTRACT_HTML, ITEM, DIRECTORY);
    rig.spec.proof = "//*[@id='obj-list']";
    assert_int_equal(extract_check(&rig.spec, reason), 0);
    rig.columns[1].path = "--rows"; /* minus minus rows, never an option */
    assert_int_equal(extract_check(&rig.spec, reason), 0);
    rig.columns[1].path = "a[";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    assert_string_equal(reason, "column 2: \"a[\" is not an XPath");
    rig.columns[1].path = "a";
    rig.spec.proof = "((";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    assert_string_equal(reason, "proof: \"((\" is not an XPath");
    rig.spec.proof = NULL;
    rig.spec.wrapped = "html";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    rig.spec.wrapped = NULL;
    rig.spec.rows = "";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    rig.spec.rows = "//a";
    rig.spec.html_path = "/nonexistent/chiso-html";
    assert_int_equal(extract_check(&rig.spec, reason), -ENOENT);
    assert_string_equal(reason, "chiso-html cannot be run: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory_page),
        cmocka_unit_test(test_trap_15_owners_in_nfc_with_single_spaces),
        cmocka_unit_test(test_fragment_plain_and_wrapped_in_json),
        cmocka_unit_test(test_trap_29_not_in_the_directory_is_not_unread),
        cmocka_unit_test(test_trap_01_challenge_is_blocked),
        cmocka_unit_test(test_trap_09_charset_mislabelled),
        cmocka_unit_test(test_trap_13_decimal_comma_and_raw_of_max),
        cmocka_unit_test(test_portal_with_the_tracking_tag),
        cmocka_unit_test(test_rows_and_cells),
        cmocka_unit_test(test_limits_of_a_page),
        cmocka_unit_test(test_whatever_the_child_does),
        cmocka_unit_test(test_the_child_is_confined),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
