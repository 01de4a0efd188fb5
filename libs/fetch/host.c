/* host.c - see host.h. */
#include "fetch/host.h"

#include <stdlib.h>
#include <string.h>

#define MAX_IDLE_HOSTS 256

void transfer_list_init(transfer_list_t *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

void transfer_list_push(transfer_list_t *list, transfer_t *t)
{
    t->next = NULL;
    *list->tail = t;
    list->tail = &t->next;
}

transfer_t *transfer_list_pop(transfer_list_t *list)
{
    transfer_t *t = list->head;
    if (t != NULL) {
        list->head = t->next;
        if (list->head == NULL) {
            list->tail = &list->head;
        }
    }
    return t;
}

void transfer_list_free(transfer_list_t *list)
{
    transfer_t *t;
    while ((t = transfer_list_pop(list)) != NULL) {
        transfer_destroy(&t);
    }
}

static void host_destroy(fetch_host_t *host)
{
    transfer_list_free(&host->waiting);
    free(host->origin);
    free(host);
}

static void drop_idle(fetch_hosts_t *hosts)
{
    for (fetch_host_t **at = &hosts->first; *at != NULL;) {
        fetch_host_t *host = *at;
        if (host->running == 0 && host->waiting.head == NULL) {
            *at = host->next;
            hosts->count--;
            host_destroy(host);
        } else {
            at = &host->next;
        }
    }
}

static void append(fetch_hosts_t *hosts, fetch_host_t *host)
{
    fetch_host_t **at = &hosts->first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    host->next = NULL;
    *at = host;
}

fetch_host_t *fetch_hosts_find(fetch_hosts_t *hosts, const char *origin)
{
    for (fetch_host_t *host = hosts->first; host != NULL; host = host->next) {
        if (strcmp(host->origin, origin) == 0) {
            return host;
        }
    }
    if (hosts->count >= MAX_IDLE_HOSTS) {
        drop_idle(hosts);
    }
    fetch_host_t *host = calloc(1, sizeof *host);
    char *copy = strdup(origin);
    if (host == NULL || copy == NULL) {
        free(host);
        free(copy);
        return NULL;
    }
    host->origin = copy;
    transfer_list_init(&host->waiting);
    append(hosts, host);
    hosts->count++;
    return host;
}

void fetch_hosts_to_end(fetch_hosts_t *hosts, fetch_host_t *host)
{
    fetch_host_t **at = &hosts->first;
    while (*at != host) {
        at = &(*at)->next;
    }
    *at = host->next;
    append(hosts, host);
}

void fetch_hosts_free(fetch_hosts_t *hosts)
{
    while (hosts->first != NULL) {
        fetch_host_t *host = hosts->first;
        hosts->first = host->next;
        host_destroy(host);
    }
    hosts->count = 0;
}
