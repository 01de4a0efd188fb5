/* clock_shift.c - a wall clock that a test sets, to be preloaded: CLOCK_REALTIME is the machine's
 * and the seconds that stand in the file $CLOCK_SHIFT (8 bytes, of this machine's order), whenever
 * it is asked. CLOCK_MONOTONIC is as it is, as when an operator sets a clock.
 *
 * Debian's libfaketime does the same, but it allocates while the sanitizer's own start looks
 * symbols up, and stands still. This one asks the kernel itself.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *out);
int gettimeofday(struct timeval *restrict out, void *restrict zone);
time_t time(time_t *out);

static const volatile int64_t *shift;

__attribute__((constructor)) static void look(void)
{
    const char *file = getenv("CLOCK_SHIFT");
    int fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0) {
        close(fd);
    }
    shift = at != MAP_FAILED ? at : NULL;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    long rc = syscall(SYS_clock_gettime, id, out);
    if (rc == 0 && id == CLOCK_REALTIME && shift != NULL) {
        out->tv_sec += *shift;
    }
    return (int)rc;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    int rc = clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
