/* child.c - see child.h.
 *
 * The input is a file in memory, so nothing has to be written while something is read, and a child
 * that reads nothing blocks nobody. A child counts as ended when its output is closed and it can be
 * waited for: a pidfd tells the latter without a signal handler, which would be the service's.
 */
#include "extract/child.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PART (64 * 1024)

static int input_file(bytes_t input)
{
    int fd = memfd_create("chiso-page", MFD_CLOEXEC);
    size_t done = 0;
    while (fd >= 0 && done < input.len) {
        ssize_t n = write(fd, input.data + done, input.len - done);
        if (n <= 0 && errno != EINTR) {
            int rc = -errno;
            close(fd);
            return rc;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
        close(fd);
        return -EIO;
    }
    return fd >= 0 ? fd : -errno;
}

static int start(const char *const *argv, int input, int output, pid_t *pid)
{
    static char *const no_environment[] = {NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&files) != 0) {
        return -ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return -ENOMEM;
    }
    int rc = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    rc = rc != 0 ? rc : posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    rc = rc != 0 ? rc : posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    rc = rc != 0 ? rc : posix_spawnattr_setsigmask(&attributes, &none);
    rc = rc != 0 ? rc : posix_spawnattr_setsigdefault(&attributes, &all);
    rc = rc != 0 ? rc
                 : posix_spawnattr_setflags(&attributes,
                                            POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = rc != 0 ? rc
                 : posix_spawn(pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv,
                               no_environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return -rc;
}

/* Reads what is there; false at the end of the output. */
static bool drain(int fd, buffer_t *output)
{
    uint8_t part[PART];
    ssize_t n = read(fd, part, sizeof part);
    if (n > 0) {
        buffer_append(output, part, (size_t)n);
    }
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Until both its output and itself have ended, or it has to be ended. */
static child_end_t attend(int fd, int pidfd, int timeout_ms, buffer_t *output)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        int64_t left = until - clock_mono_ms();
        if (left <= 0) {
            return CHILD_TIMED_OUT;
        }
        if (poll(p, 2, (int)left) < 0 && errno != EINTR) {
            return CHILD_TIMED_OUT;
        }
        if (p[0].revents != 0 && !drain(fd, output)) {
            p[0].fd = -1;
        }
        if (output->failed) {
            return CHILD_TOO_MUCH;
        }
        if (p[1].revents != 0) {
            p[1].fd = -1;
        }
    }
    return CHILD_EXITED;
}

static void end(pid_t pid, child_end_t how, child_t *out)
{
    int status = 0;
    if (how != CHILD_EXITED) {
        kill(pid, SIGKILL); /* not waited for yet, so the number is still its own */
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    *out = (child_t){.end = how, .code = WEXITSTATUS(status)};
    if (how == CHILD_EXITED && WIFSIGNALED(status)) {
        *out = (child_t){.end = CHILD_SIGNALLED, .code = WTERMSIG(status)};
    }
}

int child_run(const char *const *argv, bytes_t input, int timeout_ms, buffer_t *output,
              child_t *out)
{
    int fds[2];
    pid_t pid;
    int in = input_file(input);
    if (in < 0) {
        return in;
    }
    if (pipe2(fds, O_CLOEXEC) != 0) {
        int rc = -errno;
        close(in);
        return rc;
    }
    int rc = start(argv, in, fds[1], &pid);
    close(in);
    close(fds[1]);
    if (rc == 0) {
        fcntl(fds[0], F_SETFL, O_NONBLOCK);
        int pidfd = pidfd_open(pid, 0);
        rc = pidfd < 0 ? -errno : 0;
        end(pid, pidfd < 0 ? CHILD_TIMED_OUT : attend(fds[0], pidfd, timeout_ms, output), out);
        if (pidfd >= 0) {
            close(pidfd);
        }
    }
    close(fds[0]);
    return rc;
}
