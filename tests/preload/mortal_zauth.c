/* mortal_zauth.c - preloaded into a service, so that a test can end its authenticator: once the
 * file that CHISO_END_ZAUTH names is there, the actor ends. Nothing else in a process can make it.
 */
#include <czmq.h>
#include <dlfcn.h>
#include <unistd.h>

static zactor_t *(*real)(zactor_fn, void *);

static void mortal(zsock_t *pipe, void *args)
{
    const char *file = getenv("CHISO_END_ZAUTH");
    zactor_t *inner = real(zauth, args);
    zpoller_t *poller = zpoller_new(pipe, NULL);
    bool going = true;
    zsock_signal(pipe, 0);
    while (going && (file == NULL || access(file, F_OK) != 0)) {
        if (zpoller_wait(poller, 50) == NULL) {
            going = !zpoller_terminated(poller);
            continue;
        }
        zmsg_t *message = zmsg_recv(pipe);
        going = message != NULL && !zframe_streq(zmsg_first(message), "$TERM");
        if (going) {
            zmsg_send(&message, inner);
            zsock_wait(inner); /* each command is answered by a signal */
            zsock_signal(pipe, 0);
        }
        zmsg_destroy(&message);
    }
    zpoller_destroy(&poller);
    zactor_destroy(&inner);
}

zactor_t *zactor_new(zactor_fn task, void *args)
{
    *(void **)&real = dlsym(RTLD_NEXT, "zactor_new");
    return real(task == zauth ? mortal : task, args);
}
