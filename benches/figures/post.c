/* Posts messages through the C library, so many under way at a time, until it is told to end: for each
 * number of milliseconds on a line of its input, it posts for so long and says how many messages it posted and how
 * many seconds that took, to the last outcome. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "superchat.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(superchat_status status, superchat_delivery delivery)
{
    if (status != SUPERCHAT_STATUS_OK || delivery != SUPERCHAT_DELIVERY_RECEIVED) {
        fprintf(stderr, "not received: %s\n", superchat_last_error());
        exit(1);
    }
}

static void wait_for(superchat_pending *pending)
{
    superchat_delivery delivery;
    superchat_status status = superchat_pending_wait(pending, &delivery);
    check(status, delivery);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s SERVER:PORT WINDOW\n", argv[0]);
        return 2;
    }
    superchat_client_options options = superchat_client_options_default();
    superchat_client *client;
    options.nickname = "sender-c";
    options.server = argv[1];
    if (superchat_client_connect(&options, &client) != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s\n", superchat_last_error());
        return 1;
    }
    /* Those under way, a ring: of all that were posted, those that were not waited for. */
    long window = atol(argv[2]), posted = 0, waited = 0;
    superchat_pending **pending = calloc((size_t)window, sizeof *pending);
    char text[101] = {0}, line[64];
    memset(text, 'x', sizeof text - 1);
    printf("ready\n");
    fflush(stdout);
    while (pending != NULL && fgets(line, sizeof line, stdin) != NULL) {
        double begin = now(), end = begin + atof(line) / 1e3;
        posted = waited = 0;
        while (now() < end) {
            for (; posted - waited < window; posted++) {
                check(superchat_client_post_pending(client, "receiver", text, &pending[posted % window]),
                      SUPERCHAT_DELIVERY_RECEIVED);
            }
            /* The first that has no outcome yet, and all behind it that have. */
            wait_for(pending[waited++ % window]);
            while (waited < posted && superchat_pending_is_finished(pending[waited % window])) {
                wait_for(pending[waited++ % window]);
            }
        }
        while (waited < posted) {
            wait_for(pending[waited++ % window]);
        }
        printf("%ld %f\n", posted, now() - begin);
        fflush(stdout);
    }
    free(pending);
    superchat_client_free(client);
    return 0;
}
