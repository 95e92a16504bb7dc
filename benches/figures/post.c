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

struct ring {
    superchat_pending **pending;
    size_t size, first, count;
};

/* Where the next one goes. */
static superchat_pending **place_behind(struct ring *ring)
{
    size_t place = ring->first + ring->count++;
    return &ring->pending[place < ring->size ? place : place - ring->size];
}

static void wait_for_first(struct ring *ring)
{
    superchat_delivery delivery;
    superchat_status status = superchat_pending_wait(ring->pending[ring->first], &delivery);
    check(status, delivery);
    ring->first = ring->first + 1 < ring->size ? ring->first + 1 : 0;
    ring->count--;
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
    struct ring ring = {.size = (size_t)atol(argv[2])};
    ring.pending = calloc(ring.size, sizeof *ring.pending);
    char text[101] = {0}, line[64];
    memset(text, 'x', sizeof text - 1);
    printf("ready\n");
    fflush(stdout);
    while (ring.pending != NULL && fgets(line, sizeof line, stdin) != NULL) {
        double begin = now(), end = begin + atof(line) / 1e3;
        long posted = 0;
        while (now() < end) {
            for (; ring.count < ring.size; posted++) {
                check(superchat_client_post_pending(client, "receiver", text, place_behind(&ring)),
                      SUPERCHAT_DELIVERY_RECEIVED);
            }
            /* The first that has no outcome yet, and all behind it that have. */
            wait_for_first(&ring);
            while (ring.count > 0 && superchat_pending_is_finished(ring.pending[ring.first])) {
                wait_for_first(&ring);
            }
        }
        while (ring.count > 0) {
            wait_for_first(&ring);
        }
        printf("%ld %f\n", posted, now() - begin);
        fflush(stdout);
    }
    free(ring.pending);
    superchat_client_free(client);
    return 0;
}
