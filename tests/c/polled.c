/* Callbacks in an event loop: a file descriptor, and a call that runs what waits on the caller's thread.
 * Arguments: a directory for mailboxes. Ends with status 0, or says which line failed. */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <pthread.h>

#include "check.h"

/* How long something that has to come may take, in milliseconds. */
enum { SOON = 20000 };

/* What the callbacks of one client saw, all of them on the thread that dispatches. */
struct seen {
    superchat_client *client;
    pthread_t thread;
    int inside;
    int registered;
    int messages;
    int outcomes;
    superchat_status last_status;
    char last_error[128];
    /* What on_message does besides. */
    void (*act)(struct seen *seen);
};

static void enter(struct seen *seen)
{
    CHECK(pthread_equal(seen->thread, pthread_self()));
    CHECK(seen->inside++ == 0);
}

static void on_message(void *userdata, const superchat_message *message)
{
    struct seen *seen = (struct seen *)userdata;
    enter(seen);
    CHECK(message->text_length == strlen(message->text));
    seen->messages++;
    if (seen->act != NULL) {
        seen->act(seen);
    }
    seen->inside--;
}

static void on_event(void *userdata, const superchat_client_event *event)
{
    struct seen *seen = (struct seen *)userdata;
    enter(seen);
    seen->registered += event->kind == SUPERCHAT_CLIENT_EVENT_KIND_REGISTERED;
    seen->inside--;
}

static void on_outcome(void *userdata, superchat_status status, superchat_delivery delivery)
{
    struct seen *seen = (struct seen *)userdata;
    enter(seen);
    CHECK((status == SUPERCHAT_STATUS_OK) == (delivery != SUPERCHAT_DELIVERY_NONE));
    seen->outcomes++;
    seen->last_status = status;
    snprintf(seen->last_error, sizeof seen->last_error, "%s", superchat_last_error());
    seen->inside--;
}

static void on_done(void *userdata, superchat_status status)
{
    on_outcome(userdata, status,
               status == SUPERCHAT_STATUS_OK ? SUPERCHAT_DELIVERY_STORED : SUPERCHAT_DELIVERY_NONE);
}

static void on_server_event(void *userdata, const superchat_server_event *event)
{
    CHECK(event->text[0] != '\0');
    ++*(int *)userdata;
}

static int is_readable(int fd, int timeout)
{
    struct pollfd waited;
    waited.fd = fd;
    waited.events = POLLIN;
    CHECK(fd >= 0);
    return poll(&waited, 1, timeout) == 1;
}

/* Waits and dispatches until something was seen. */
static void until(struct seen *seen, const int *count, int wanted)
{
    while (*count < wanted) {
        CHECK(is_readable(superchat_client_fd(seen->client), SOON));
        CHECK(superchat_client_dispatch(seen->client) == SUPERCHAT_STATUS_OK);
    }
}

static void connect_as(struct seen *seen, const char *nickname, const char *server)
{
    superchat_client_options options = superchat_client_options_default();
    memset(seen, 0, sizeof *seen);
    seen->thread = pthread_self();
    options.nickname = nickname;
    options.server = server;
    options.polled = true;
    options.on_message = on_message;
    options.on_event = on_event;
    options.userdata = seen;
    CHECK(superchat_client_connect(&options, &seen->client) == SUPERCHAT_STATUS_OK);
}

static void send_to(struct seen *seen, const char *recipient)
{
    superchat_delivery delivery;
    CHECK(superchat_client_send(seen->client, recipient, "hi", &delivery) == SUPERCHAT_STATUS_OK);
    CHECK(delivery != SUPERCHAT_DELIVERY_STORED);
}

static void check_not_polled(const char *server)
{
    superchat_client_options options = superchat_client_options_default();
    superchat_client *client = NULL;
    options.nickname = "tails";
    options.server = server;
    options.offline = true;
    CHECK(superchat_client_connect(&options, &client) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_fd(client) == -1 && superchat_client_fd(NULL) == -1);
    CHECK(superchat_client_dispatch(NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_dispatch(client) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(superchat_last_error(), "not polled") != NULL);
    CHECK(superchat_server_fd(NULL) == -1);
    CHECK(superchat_server_dispatch(NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    superchat_client_free(client);
}

/* Callbacks run when they are asked for, and then the descriptor is silent. */
static void check_loop(const char *server)
{
    struct seen sonic, lanking;
    connect_as(&sonic, "sonic", server);
    connect_as(&lanking, "lanking", server);
    CHECK(sonic.registered == 0);
    until(&sonic, &sonic.registered, 1);
    send_to(&lanking, "sonic");
    CHECK(sonic.messages == 0);
    until(&sonic, &sonic.messages, 1);
    CHECK(superchat_client_post(lanking.client, "sonic", "more", on_outcome, &lanking)
          == SUPERCHAT_STATUS_OK);
    until(&lanking, &lanking.outcomes, 1);
    until(&sonic, &sonic.messages, 2);
    CHECK(superchat_client_post(lanking.client, "nobody", "hi", on_outcome, &lanking)
          == SUPERCHAT_STATUS_OK);
    until(&lanking, &lanking.outcomes, 2);
    CHECK(lanking.last_status == SUPERCHAT_STATUS_UNKNOWN_USER);
    CHECK(strstr(lanking.last_error, "nobody") != NULL);
    CHECK(superchat_client_post_deregister(sonic.client, on_done, &sonic) == SUPERCHAT_STATUS_OK);
    until(&sonic, &sonic.outcomes, 1);
    CHECK(sonic.last_status == SUPERCHAT_STATUS_OK);
    /* Nothing comes to who is offline. */
    while (is_readable(superchat_client_fd(sonic.client), 0)) {
        CHECK(superchat_client_dispatch(sonic.client) == SUPERCHAT_STATUS_OK);
    }
    CHECK(superchat_client_dispatch(sonic.client) == SUPERCHAT_STATUS_OK);
    superchat_client_free(sonic.client);
    superchat_client_free(lanking.client);
}

static void send_another(struct seen *seen)
{
    send_to(seen, "sonic");
}

/* A callback that leads to another one does not keep the call from returning. */
static void check_flood(const char *server)
{
    struct seen sonic;
    int calls;
    connect_as(&sonic, "sonic", server);
    send_to(&sonic, "sonic");
    sonic.act = send_another;
    for (calls = 0; calls < 10; calls++) {
        CHECK(superchat_client_dispatch(sonic.client) == SUPERCHAT_STATUS_OK);
    }
    CHECK(sonic.messages >= 10);
    sonic.act = NULL;
    superchat_client_free(sonic.client);
}

static void *dispatch_elsewhere(void *client)
{
    CHECK(superchat_client_dispatch((superchat_client *)client) == SUPERCHAT_STATUS_OK);
    return NULL;
}

static void dispatch_inside(struct seen *seen)
{
    pthread_t thread;
    /* The descriptor of a client in which more waits stays readable; nothing of it runs in here. */
    send_another(seen);
    CHECK(superchat_client_dispatch(seen->client) == SUPERCHAT_STATUS_OK);
    CHECK(pthread_create(&thread, NULL, dispatch_elsewhere, seen->client) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(is_readable(superchat_client_fd(seen->client), 0));
    seen->act = NULL;
}

static void check_nested(const char *server)
{
    struct seen sonic;
    connect_as(&sonic, "sonic", server);
    sonic.act = dispatch_inside;
    send_to(&sonic, "sonic");
    until(&sonic, &sonic.messages, 2);
    superchat_client_free(sonic.client);
}

static void close_inside(struct seen *seen)
{
    superchat_client_close(seen->client);
    CHECK(superchat_client_send(seen->client, "sonic", "hi", NULL) == SUPERCHAT_STATUS_CLOSED);
}

/* What waits when a client ends still runs, and then the end is told, as often as it is asked for. */
static void check_close_inside(const char *server)
{
    struct seen sonic;
    superchat_status status;
    connect_as(&sonic, "sonic", server);
    send_to(&sonic, "sonic");
    send_to(&sonic, "sonic");
    CHECK(superchat_client_post(sonic.client, "sonic", "hi", on_outcome, &sonic) == SUPERCHAT_STATUS_OK);
    sonic.act = close_inside;
    do {
        CHECK(is_readable(superchat_client_fd(sonic.client), SOON));
        status = superchat_client_dispatch(sonic.client);
    } while (status == SUPERCHAT_STATUS_OK);
    CHECK(status == SUPERCHAT_STATUS_CLOSED && superchat_last_error()[0] != '\0');
    CHECK(sonic.messages >= 2 && sonic.outcomes == 1);
    CHECK(is_readable(superchat_client_fd(sonic.client), 0));
    CHECK(superchat_client_dispatch(sonic.client) == SUPERCHAT_STATUS_CLOSED);
    superchat_client_free(sonic.client);
}

static void free_inside(struct seen *seen)
{
    superchat_client_free(seen->client);
    seen->client = NULL;
}

/* A callback that frees its client is the last of its kind; what was posted has its outcome. */
static void check_free_inside(const char *server)
{
    struct seen sonic;
    int posted;
    connect_as(&sonic, "sonic", server);
    sonic.act = free_inside;
    send_to(&sonic, "sonic");
    send_to(&sonic, "sonic");
    for (posted = 0; posted < 50; posted++) {
        CHECK(superchat_client_post(sonic.client, "sonic", "hi", on_outcome, &sonic)
              == SUPERCHAT_STATUS_OK);
    }
    while (sonic.client != NULL) {
        superchat_status status;
        CHECK(is_readable(superchat_client_fd(sonic.client), SOON));
        status = superchat_client_dispatch(sonic.client);
        CHECK(status == (sonic.client == NULL ? SUPERCHAT_STATUS_CLOSED : SUPERCHAT_STATUS_OK));
    }
    CHECK(sonic.messages == 1 && sonic.outcomes == 50);
}

/* What waits for a client that is freed runs in that call. */
static void check_free(const char *server)
{
    struct seen sonic;
    int posted;
    connect_as(&sonic, "sonic", server);
    send_to(&sonic, "sonic");
    for (posted = 0; posted < 50; posted++) {
        CHECK(superchat_client_post(sonic.client, "sonic", "hi", on_outcome, &sonic)
              == SUPERCHAT_STATUS_OK);
    }
    superchat_client_free(sonic.client);
    CHECK(sonic.registered == 1 && sonic.messages >= 1 && sonic.outcomes == 50);
}

int main(int argc, char **argv)
{
    superchat_server_options options = superchat_server_options_default();
    superchat_server *server = NULL;
    char address[64];
    int events = 0;
    CHECK(argc == 2);
    options.directory = argv[1];
    options.polled = true;
    options.on_event = on_server_event;
    options.userdata = &events;
    CHECK(superchat_server_start(&options, &server) == SUPERCHAT_STATUS_OK);
    superchat_server_address(server, address, sizeof address);

    check_not_polled(address);
    check_loop(address);
    CHECK(events == 0);
    CHECK(is_readable(superchat_server_fd(server), SOON));
    CHECK(superchat_server_dispatch(server) == SUPERCHAT_STATUS_OK);
    CHECK(events > 0);
    check_flood(address);
    check_nested(address);
    check_close_inside(address);
    check_free_inside(address);
    check_free(address);

    superchat_server_stop(server);
    CHECK(is_readable(superchat_server_fd(server), 0));
    CHECK(superchat_server_dispatch(server) == SUPERCHAT_STATUS_CLOSED);
    events = 0;
    CHECK(superchat_server_dispatch(server) == SUPERCHAT_STATUS_CLOSED && events == 0);
    superchat_server_free(server);
    return 0;
}
