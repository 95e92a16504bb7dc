/* What the header defines for programs that get it wrong: use from inside a callback, after the end, and
 * from several threads at once. NULL is in api.c. Arguments: a directory for mailboxes. Ends with status
 * 0, or says which line failed. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { THREADS = 4, ROUNDS = 25 };

/* A client, and what its callbacks do with it. */
struct user {
    superchat_client *client;
    void (*act)(struct user *user);
    int messages;
    int outcomes;
    sem_t done;
};

static void on_message(void *userdata, const superchat_message *message)
{
    struct user *user = (struct user *)userdata;
    (void)message;
    user->messages++;
    if (user->act != NULL) {
        user->act(user);
    }
}

static void on_outcome(void *userdata, superchat_status status, superchat_delivery delivery)
{
    struct user *user = (struct user *)userdata;
    CHECK((status == SUPERCHAT_STATUS_OK) == (delivery != SUPERCHAT_DELIVERY_NONE));
    CHECK(status == SUPERCHAT_STATUS_OK || strcmp(superchat_last_error(), "the client is closed") == 0);
    user->outcomes++;
    CHECK(sem_post(&user->done) == 0);
}

static void count(void *userdata, const superchat_user *user)
{
    *(int *)userdata += user->online;
}

static void connect_as(struct user *user, const char *nickname, const char *server)
{
    superchat_client_options options = superchat_client_options_default();
    memset(user, 0, sizeof *user);
    CHECK(sem_init(&user->done, 0, 0) == 0);
    options.nickname = nickname;
    options.server = server;
    options.on_message = on_message;
    options.userdata = user;
    CHECK(superchat_client_connect(&options, &user->client) == SUPERCHAT_STATUS_OK);
}

/* Whatever waits for an answer may be called inside a callback, and has its answer there. */
static void use_inside(struct user *user)
{
    superchat_stats stats = superchat_stats_default();
    superchat_delivery delivery;
    char text[64];
    int online = 0;
    user->act = NULL;
    CHECK(superchat_client_send(user->client, "sonic", "from inside", &delivery) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_users(user->client, count, &online) == SUPERCHAT_STATUS_OK && online == 1);
    CHECK(superchat_client_stats(user->client, &stats) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_deregister(user->client) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_register(user->client, NULL) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_nickname(user->client, text, sizeof text) == 5);
    CHECK(superchat_client_post(user->client, "sonic", "posted", on_outcome, user)
          == SUPERCHAT_STATUS_OK);
}

static void check_use_inside(const char *server)
{
    struct user sonic;
    connect_as(&sonic, "sonic", server);
    sonic.act = use_inside;
    CHECK(superchat_client_send(sonic.client, "sonic", "hi", NULL) == SUPERCHAT_STATUS_OK);
    CHECK(sem_wait(&sonic.done) == 0);
    superchat_client_free(sonic.client);
    CHECK(sonic.messages >= 3 && sonic.outcomes == 1);
}

static void close_inside(struct user *user)
{
    user->act = NULL;
    superchat_client_close(user->client);
    superchat_client_close(user->client);
    CHECK(superchat_client_send(user->client, "sonic", "hi", NULL) == SUPERCHAT_STATUS_CLOSED);
    CHECK(sem_post(&user->done) == 0);
}

/* After the end every function has an answer, and none waits. */
static void check_after_the_end(superchat_client *client)
{
    superchat_stats stats = superchat_stats_default();
    superchat_delivery delivery = SUPERCHAT_DELIVERY_STORED;
    char text[64];
    int online = 0;
    /* Until this returns, the end may not have come yet: close does not wait inside a callback. */
    superchat_client_close(client);
    CHECK(superchat_client_send(client, "sonic", "hi", &delivery) == SUPERCHAT_STATUS_CLOSED);
    CHECK(delivery == SUPERCHAT_DELIVERY_NONE);
    CHECK(strcmp(superchat_last_error(), "the client is closed") == 0);
    CHECK(superchat_client_post(client, "sonic", "hi", on_outcome, NULL) == SUPERCHAT_STATUS_CLOSED);
    CHECK(superchat_client_register(client, NULL) == SUPERCHAT_STATUS_CLOSED);
    CHECK(superchat_client_post_register(client, NULL, NULL, NULL) == SUPERCHAT_STATUS_CLOSED);
    CHECK(superchat_client_deregister(client) == SUPERCHAT_STATUS_CLOSED);
    CHECK(superchat_client_post_deregister(client, NULL, NULL) == SUPERCHAT_STATUS_CLOSED);
    CHECK(superchat_client_users(client, count, &online) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_stats(client, &stats) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_nickname(client, text, sizeof text) == 5);
    CHECK(superchat_client_address(client, text, sizeof text) > 0);
    CHECK(!superchat_client_is_registered(client));
    superchat_client_close(client);
}

static void check_close_inside(const char *server)
{
    struct user sonic;
    connect_as(&sonic, "sonic", server);
    sonic.act = close_inside;
    /* The sender is the one that the callback closes: what becomes of this one may not be told. */
    CHECK(superchat_client_post(sonic.client, "sonic", "hi", NULL, NULL) == SUPERCHAT_STATUS_OK);
    CHECK(sem_wait(&sonic.done) == 0);
    check_after_the_end(sonic.client);
    superchat_client_free(sonic.client);
    CHECK(sonic.messages == 1);
}

/* Nothing but this callback uses the client: who frees it must be the only one. */
static void free_inside(struct user *user)
{
    int posted;
    user->act = NULL;
    for (posted = 0; posted < 10; posted++) {
        CHECK(superchat_client_post(user->client, "sonic", "hi", on_outcome, user)
              == SUPERCHAT_STATUS_OK);
    }
    superchat_client_free(user->client);
    CHECK(sem_post(&user->done) == 0);
}

static void check_free_inside(const char *server)
{
    /* Static: on_outcome may come after the client is freed. */
    static struct user sonic;
    struct user lanking;
    int came;
    connect_as(&sonic, "sonic", server);
    connect_as(&lanking, "lanking", server);
    sonic.act = free_inside;
    CHECK(superchat_client_post(lanking.client, "sonic", "hi", NULL, NULL) == SUPERCHAT_STATUS_OK);
    for (came = 0; came < 11; came++) {
        CHECK(sem_wait(&sonic.done) == 0);
    }
    CHECK(sonic.messages == 1 && sonic.outcomes == 10);
    superchat_client_free(lanking.client);
}

static void *send_and_close(void *userdata)
{
    struct user *user = (struct user *)userdata;
    superchat_stats stats = superchat_stats_default();
    superchat_delivery delivery;
    int nth, online = 0;
    for (nth = 0; nth < ROUNDS; nth++) {
        superchat_status status = superchat_client_send(user->client, "lanking", "hi", &delivery);
        CHECK((status == SUPERCHAT_STATUS_OK) == (delivery != SUPERCHAT_DELIVERY_NONE));
        CHECK(status == SUPERCHAT_STATUS_OK || status == SUPERCHAT_STATUS_CLOSED);
        status = superchat_client_post(user->client, "lanking", "hi", NULL, NULL);
        CHECK(status == SUPERCHAT_STATUS_OK || status == SUPERCHAT_STATUS_CLOSED);
        CHECK(superchat_client_users(user->client, count, &online) == SUPERCHAT_STATUS_OK);
        CHECK(superchat_client_stats(user->client, &stats) == SUPERCHAT_STATUS_OK);
    }
    superchat_client_close(user->client);
    CHECK(!superchat_client_is_registered(user->client));
    /* The error of this thread, whatever the others do. */
    CHECK(superchat_client_send(user->client, "two words", "hi", NULL) == SUPERCHAT_STATUS_NICKNAME);
    CHECK(strstr(superchat_last_error(), "two words") != NULL);
    return NULL;
}

static void check_threads(const char *server)
{
    struct user sonic, lanking;
    pthread_t threads[THREADS];
    int nth;
    connect_as(&sonic, "sonic", server);
    connect_as(&lanking, "lanking", server);
    CHECK(superchat_client_send(sonic.client, "no such user", "hi", NULL) == SUPERCHAT_STATUS_NICKNAME);
    for (nth = 0; nth < THREADS; nth++) {
        CHECK(pthread_create(&threads[nth], NULL, send_and_close, &sonic) == 0);
    }
    for (nth = 0; nth < THREADS; nth++) {
        CHECK(pthread_join(threads[nth], NULL) == 0);
    }
    CHECK(strstr(superchat_last_error(), "no such user") != NULL);
    check_after_the_end(sonic.client);
    superchat_client_free(sonic.client);
    superchat_client_free(lanking.client);
    CHECK(lanking.messages >= ROUNDS);
}

/* A server that is stopped twice, also inside a callback, and asked afterwards. */
struct service {
    superchat_server *server;
    sem_t done;
};

static void stop_inside(void *userdata, const superchat_server_event *event)
{
    struct service *service = (struct service *)userdata;
    if (event->kind == SUPERCHAT_SERVER_EVENT_KIND_ONLINE) {
        superchat_server_stop(service->server);
        superchat_server_stop(service->server);
        CHECK(sem_post(&service->done) == 0);
    }
}

static void check_server(const char *directory)
{
    superchat_server_options options = superchat_server_options_default();
    superchat_stats stats = superchat_stats_default();
    struct service service;
    struct user sonic;
    char address[64];
    int online = 0;
    service.server = NULL;
    CHECK(sem_init(&service.done, 0, 0) == 0);
    options.directory = directory;
    options.on_event = stop_inside;
    options.userdata = &service;
    CHECK(superchat_server_start(&options, &service.server) == SUPERCHAT_STATUS_OK);
    superchat_server_address(service.server, address, sizeof address);
    connect_as(&sonic, "sonic", address);
    CHECK(sem_wait(&service.done) == 0);
    superchat_server_stop(service.server);
    CHECK(superchat_server_users(service.server, count, &online) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_server_stats(service.server, &stats) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_server_address(service.server, address, sizeof address) > 0);
    superchat_server_free(service.server);
    superchat_client_free(sonic.client);
}

/* A callback frees a client that is being freed: it is freed once. */
static void free_again(struct user *user)
{
    CHECK(sem_post(&user->done) == 0);
    /* Until the other one is inside: it waits for this callback. */
    while (superchat_client_post(user->client, "sonic", "", NULL, NULL) == SUPERCHAT_STATUS_OK) {
        sched_yield();
    }
    superchat_client_free(user->client);
}

static void check_free_twice(const char *server)
{
    struct user sonic;
    connect_as(&sonic, "sonic", server);
    sonic.act = free_again;
    CHECK(superchat_client_post(sonic.client, "sonic", "hi", NULL, NULL) == SUPERCHAT_STATUS_OK);
    CHECK(sem_wait(&sonic.done) == 0);
    superchat_client_free(sonic.client);
}

/* A child has the handles of its parent, and none of their threads. */
static void check_fork(superchat_server *server, const char *address)
{
    struct user sonic;
    superchat_pending *of_parent, *pending;
    superchat_delivery delivery;
    int status = 0;
    pid_t child;
    connect_as(&sonic, "sonic", address);
    CHECK(superchat_client_post_pending(sonic.client, "sonic", "hi", &of_parent)
          == SUPERCHAT_STATUS_OK);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(superchat_client_send(sonic.client, "sonic", "hi", NULL) == SUPERCHAT_STATUS_CLOSED);
        CHECK(superchat_client_post_pending(sonic.client, "sonic", "hi", &pending)
              == SUPERCHAT_STATUS_CLOSED);
        CHECK(pending == NULL);
        pending = of_parent;
        CHECK(superchat_pending_is_finished(pending));
        CHECK(superchat_pending_wait(pending, &delivery) == SUPERCHAT_STATUS_CLOSED);
        superchat_pending_free(pending);
        superchat_client_close(sonic.client);
        superchat_client_free(sonic.client);
        superchat_server_stop(server);
        superchat_server_free(server);
        /* Another program: what the threads held that the child has not is no leak of its own. */
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(superchat_pending_wait(of_parent, &delivery) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_send(sonic.client, "sonic", "hi", &delivery) == SUPERCHAT_STATUS_OK);
    superchat_client_free(sonic.client);
}

/* After the thread's own memory is gone there is no last error, and still no crash. */
static void fail_at_exit(void)
{
    CHECK(superchat_client_send(NULL, "sonic", "hi", NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_last_error() != NULL);
}

int main(int argc, char **argv)
{
    superchat_server_options options = superchat_server_options_default();
    superchat_server *server = NULL;
    char address[64];
    CHECK(argc == 2);
    CHECK(atexit(fail_at_exit) == 0);
    options.directory = argv[1];
    CHECK(superchat_server_start(&options, &server) == SUPERCHAT_STATUS_OK);
    superchat_server_address(server, address, sizeof address);
    check_use_inside(address);
    check_close_inside(address);
    check_free_inside(address);
    check_threads(address);
    check_free_twice(address);
    check_fork(server, address);
    superchat_server_free(server);
    check_server(argv[1]);
    return 0;
}
