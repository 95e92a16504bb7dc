/* What the programs have in common: a sender and a receiver, each a process on a core of its own, that share a few
 * counters. A message counts once it has come to the receiver and was confirmed to the sender, whichever is later.
 *
 *     PROGRAM PORT WINDOW SECONDS
 *
 * At a window of 1 it prints the median time of one message in microseconds, otherwise messages a second.
 */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE 100
#define MOST_TIMES 2000000

static struct shared {
    atomic_int ready;
    atomic_long came;
} *shared;

static int port, window;
static double seconds;
static long sent, confirmed;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    /* A machine that has no such core runs it anywhere. */
    (void)sched_setaffinity(0, sizeof set, &set);
}

static const char *text(void)
{
    static char text[MESSAGE + 1];
    memset(text, 'x', MESSAGE);
    return text;
}

static long over(void)
{
    long came = atomic_load(&shared->came);
    return came < confirmed ? came : confirmed;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sends one message; what is confirmed by now, waiting for something to come if it may. */
typedef void send_function(void);
typedef void take_function(int may_wait);

/* All messages of a run. */
static void measure(send_function *send, take_function *take)
{
    double *times = malloc(MOST_TIMES * sizeof *times);
    double begin = now(), end = begin + seconds;
    if (!times)
        die("malloc");
    while (now() < end && sent < MOST_TIMES * (window == 1 ? 1L : 1000L)) {
        double sent_at = now();
        do
            send();
        while (++sent - over() < window);
        while (sent - over() >= window)
            take(confirmed < sent);
        if (window == 1)
            times[sent - 1] = now() - sent_at;
    }
    double took = now() - begin;
    if (window == 1) {
        qsort(times, (size_t)sent, sizeof *times, by_size);
        printf("%.2f\n", times[sent / 2] * 1e6);
    } else {
        printf("%.0f\n", (double)over() / took);
    }
}

/* The receiver's process, then the sender's in this one. */
static int run(int argc, char **argv, void (*receive)(void), void (*open)(void), send_function *send,
               take_function *take)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s PORT WINDOW SECONDS\n", argv[0]);
        return 2;
    }
    port = atoi(argv[1]);
    window = atoi(argv[2]);
    seconds = atof(argv[3]);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        die("mmap");
    pid_t receiver = receive ? fork() : 0;
    if (receiver == -1)
        die("fork");
    if (receive && receiver == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(1);
        receive();
        return 1;
    }
    pin(0);
    for (double patience = now() + 5; receive && !atomic_load(&shared->ready);) {
        if (now() > patience)
            return fprintf(stderr, "the receiver is not ready\n"), 1;
        usleep(1000);
    }
    open();
    measure(send, take);
    if (receive) {
        kill(receiver, SIGKILL);
        waitpid(receiver, NULL, 0);
    }
    return 0;
}

static void has_come(long messages)
{
    atomic_fetch_add(&shared->came, messages);
}

#endif
