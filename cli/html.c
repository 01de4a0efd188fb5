/* html.c - chiso-html: reads one HTML page of a stranger, confined, and gives rows as JSON lines.
 *
 * A service starts it for each page, with the page on its standard input. Before the first byte is
 * read it gives up what it does not need: files, network, other processes, memory beyond a limit,
 * processor time beyond a limit. A page that breaks the parser breaks this process, and nothing
 * else.
 */
#include "base/error.h"
#include "extract/extract.h"
#include "page/page.h"

#include <errno.h>
#include <getopt.h>
#include <libxml/xmlmemory.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITISED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITISED 1
#endif
#endif
#ifndef SANITISED
#define SANITISED 0
#endif

#define MAX_CPU_S (SANITISED ? 10 * EXTRACT_PAGE_CPU_S : EXTRACT_PAGE_CPU_S)

static void usage(FILE *to)
{
    fputs(
        "usage: chiso-html [--check] --rows XPATH [--proof XPATH] COLUMN-XPATH…\n"
        "\n"
        "Reads an HTML page (UTF-8, at most 8 MiB) on standard input and writes its rows as JSON\n"
        "lines. The services run it themselves; by hand it shows what an XPath finds.\n"
        "\n"
        "  --rows XPATH    the rows\n"
        "  --proof XPATH   what must hold for the page to be the expected one\n"
        "  --check         only check the XPaths, read nothing\n"
        "  --help, --version\n"
        "\n"
        "exit codes: 0 done, whatever the page is; 2 usage; 5 it could not confine itself,\n"
        "read or write\n",
        to);
}

static bool limit(__rlimit_resource_t what, rlim_t soft, rlim_t hard)
{
    struct rlimit r;
    if (getrlimit(what, &r) != 0) {
        return false;
    }
    /* never more than it was given */
    r = (struct rlimit){r.rlim_max < soft ? r.rlim_max : soft,
                        r.rlim_max < hard ? r.rlim_max : hard};
    return setrlimit(what, &r) == 0;
}

/* Everything else fails with EPERM: the parser needs memory, its input and its output. */
static bool allow_only_the_needed(void)
{
    static const int needed[] = {
        SCMP_SYS(read),         SCMP_SYS(write),          SCMP_SYS(brk),
        SCMP_SYS(mmap),         SCMP_SYS(munmap),         SCMP_SYS(mremap),
        SCMP_SYS(mprotect),     SCMP_SYS(madvise),        SCMP_SYS(exit_group),
        SCMP_SYS(exit),         SCMP_SYS(futex),          SCMP_SYS(rt_sigaction),
        SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
        SCMP_SYS(getrandom),    SCMP_SYS(clock_gettime),  SCMP_SYS(gettid),
        SCMP_SYS(sched_yield),  SCMP_SYS(fstat),          SCMP_SYS(newfstatat),
    };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool good = filter != NULL;
    for (size_t i = 0; good && i < sizeof needed / sizeof needed[0]; i++) {
        good = seccomp_rule_add(filter, SCMP_ACT_ALLOW, needed[i], 0) == 0;
    }
    good = good && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return good;
}

static bool confine(void)
{
    /* the sanitiser maps terabytes of shadow, and opens files when it reports */
    return (SANITISED || limit(RLIMIT_AS, EXTRACT_PAGE_MEMORY, EXTRACT_PAGE_MEMORY)) &&
           limit(RLIMIT_CPU, MAX_CPU_S, MAX_CPU_S + 1) && /* at the first one it can be told why */
           limit(RLIMIT_CORE, 0, 0) && (SANITISED || limit(RLIMIT_NOFILE, 3, 3)) &&
           prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           allow_only_the_needed();
}

static bool write_all(bytes_t part, void *context)
{
    (void)context;
    while (part.len > 0) {
        ssize_t n = write(STDOUT_FILENO, part.data, part.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        part = bytes_of(part.data + n, part.len - (size_t)n);
    }
    return true;
}

/* ---- no more memory ---- */

/* The answer is given at once: what the parser does without memory is little tested by anybody. The
 * output so far ends with a line, since page.c writes nothing else. */
_Noreturn static void end_without_memory(void)
{
    char line[96];
    snprintf(line, sizeof line,
             "{\"end\":\"malformed\",\"reason\":\"the page takes more than %llu MiB of memory to "
             "read\"}\n",
             EXTRACT_PAGE_MEMORY >> 20);
    _exit(write_all(bytes_of_text(line), NULL) ? CHISO_EXIT_OK : CHISO_EXIT_FINDING);
}

static void *needed(void *got)
{
    if (got == NULL) {
        end_without_memory();
    }
    return got;
}

static void *get(size_t size)
{
    return needed(malloc(size > 0 ? size : 1));
}

static void *resize(void *at, size_t size)
{
    return needed(realloc(at, size > 0 ? size : 1));
}

static char *copy(const char *text)
{
    return needed(strdup(text));
}

static int read_all(buffer_t *body)
{
    static char part[65536];
    ssize_t n;
    while ((n = read(STDIN_FILENO, part, sizeof part)) != 0) {
        if (n > 0) {
            buffer_append(body, part, (size_t)n);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return body->failed ? CHISO_E_TOO_BIG : 0;
}

static int fail(const char *what, int rc)
{
    fprintf(stderr, "chiso-html: %s: %s\n", what, chiso_strerror(rc));
    return CHISO_EXIT_FAILURE;
}

static int run(const page_spec_t *spec, bool check)
{
    buffer_t body = BUFFER_INIT(EXTRACT_MAX_PAGE);
    if (!confine() || xmlMemSetup(free, get, resize, copy) != 0) {
        return fail("it could not confine itself", -errno);
    }
    int rc = check ? page_check(spec, write_all, NULL) : read_all(&body);
    if (rc == 0 && !check) {
        rc = page_read(spec, buffer_bytes(&body), EXTRACT_MAX_ROWS, EXTRACT_MAX_CELL, write_all,
                       NULL);
    }
    if (rc == -ENOMEM) {
        end_without_memory();
    }
    if (rc != 0) {
        fail("the page", rc);
    }
    return rc == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"rows", required_argument, NULL, 'r'}, {"proof", required_argument, NULL, 'p'},
        {"check", no_argument, NULL, 'c'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},    {NULL, 0, NULL, 0},
    };
    page_spec_t spec = {0};
    bool check = false;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'r':
            spec.rows = optarg;
            break;
        case 'p':
            spec.proof = optarg;
            break;
        case 'c':
            check = true;
            break;
        case 'h':
            usage(stdout);
            return CHISO_EXIT_OK;
        case 'V':
            puts("chiso-html " CHISO_VERSION);
            return CHISO_EXIT_OK;
        default:
            usage(stderr);
            return CHISO_EXIT_USAGE;
        }
    }
    spec.columns = (const char *const *)(argv + optind);
    spec.n_columns = (size_t)(argc - optind);
    if (spec.rows == NULL || spec.n_columns == 0 || spec.n_columns > EXTRACT_MAX_COLUMNS) {
        usage(stderr);
        return CHISO_EXIT_USAGE;
    }
    _exit(run(&spec, check)); /* nothing at exit may want more than is left */
}
