/* Posts messages through the C library, so many under way at a time, until it is told to end: for each
 * number of milliseconds on a line of its input, it posts for so long and says how many messages it posted and how
 * many seconds that took, to the last outcome. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "superchat.h"

struct run {
    superchat_client *client;
    char text[101];
    double end;
    long posted, done, failed;
    pthread_mutex_t lock;
    pthread_cond_t over;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void post(struct run *run);

/* Each outcome makes room for one more. */
static void on_outcome(void *userdata, superchat_status status, superchat_delivery delivery)
{
    struct run *run = userdata;
    pthread_mutex_lock(&run->lock);
    run->done++;
    run->failed += status != SUPERCHAT_STATUS_OK || delivery != SUPERCHAT_DELIVERY_RECEIVED;
    int more = now() < run->end;
    run->posted += more;
    if (!more && run->done == run->posted) {
        pthread_cond_signal(&run->over);
    }
    pthread_mutex_unlock(&run->lock);
    if (more) {
        post(run);
    }
}

static void post(struct run *run)
{
    if (superchat_client_post(run->client, "receiver", run->text, on_outcome, run) != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s\n", superchat_last_error());
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s SERVER:PORT WINDOW\n", argv[0]);
        return 2;
    }
    struct run run = {.client = NULL};
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.over, NULL);
    memset(run.text, 'x', sizeof run.text - 1);
    superchat_client_options options = superchat_client_options_default();
    options.nickname = "sender-c";
    options.server = argv[1];
    if (superchat_client_connect(&options, &run.client) != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s\n", superchat_last_error());
        return 1;
    }
    long window = atol(argv[2]);
    printf("ready\n");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        double begin = now();
        run.end = begin + atof(line) / 1e3;
        run.done = 0;
        run.posted = window;
        for (long i = 0; i < window; i++) {
            post(&run);
        }
        pthread_mutex_lock(&run.lock);
        while (now() < run.end || run.done < run.posted) {
            pthread_cond_wait(&run.over, &run.lock);
        }
        pthread_mutex_unlock(&run.lock);
        if (run.failed > 0) {
            fprintf(stderr, "%ld messages were not received\n", run.failed);
            return 1;
        }
        printf("%ld %f\n", run.posted, now() - begin);
        fflush(stdout);
    }
    superchat_client_free(run.client);
    return 0;
}
