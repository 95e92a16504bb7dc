/* The C functions as a C program sees them: a server, two clients, and every misuse that the header
 * defines. Arguments: a directory for mailboxes. Ends with status 0, or says which line failed. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#include <unistd.h>

#include "check.h"

/* What the callbacks of one client saw. They have run when superchat_client_free has returned. */
struct seen {
    int messages;
    int stored;
    char last_text[64];
    size_t last_length;
    double last_sent_at;
    int outcomes;
    superchat_status status;
    superchat_delivery delivery;
    int registered;
    superchat_client *closes;
    /* A byte for each message: how the main thread waits for one. */
    int pipe[2];
};

static void on_message(void *userdata, const superchat_message *message)
{
    struct seen *seen = (struct seen *)userdata;
    seen->messages++;
    seen->stored += message->route == SUPERCHAT_ROUTE_STORED;
    snprintf(seen->last_text, sizeof seen->last_text, "%s", message->text);
    seen->last_length = message->text_length;
    seen->last_sent_at = message->sent_at;
    CHECK(write(seen->pipe[1], "", 1) == 1);
}

static void on_event(void *userdata, const superchat_client_event *event)
{
    struct seen *seen = (struct seen *)userdata;
    seen->registered += event->kind == SUPERCHAT_CLIENT_EVENT_KIND_REGISTERED;
}

static void on_server_event(void *userdata, const superchat_server_event *event)
{
    int *requests = (int *)userdata;
    *requests += event->kind == SUPERCHAT_SERVER_EVENT_KIND_REGISTER_REQUEST;
}

static void on_outcome(void *userdata, superchat_status status, superchat_delivery delivery)
{
    struct seen *seen = (struct seen *)userdata;
    seen->outcomes++;
    seen->status = status;
    seen->delivery = delivery;
    superchat_client_close(seen->closes);
}

static void on_done(void *userdata, superchat_status status)
{
    struct seen *seen = (struct seen *)userdata;
    CHECK(status == SUPERCHAT_STATUS_OK);
    CHECK(write(seen->pipe[1], "", 1) == 1);
}

static void count_online(void *userdata, const superchat_user *user)
{
    *(int *)userdata += user->online && strncmp(user->address, "127.0.0.1:", 10) == 0;
}

/* When the one user who is offline was last heard of; the others have no such time. */
static void note_last_seen(void *userdata, const superchat_user *user)
{
    CHECK(user->online == (user->last_seen == 0));
    if (!user->online) {
        *(double *)userdata = user->last_seen;
    }
}

static superchat_client *connect_as(const char *nickname, const char *server, struct seen *seen)
{
    superchat_client_options options = superchat_client_options_default();
    superchat_client *client = NULL;
    options.nickname = nickname;
    options.server = server;
    options.on_message = on_message;
    options.on_event = on_event;
    options.userdata = seen;
    CHECK(superchat_client_connect(&options, &client) == SUPERCHAT_STATUS_OK);
    CHECK(client != NULL);
    return client;
}

static void check_null(void)
{
    superchat_client_options options = superchat_client_options_default();
    superchat_client *client = (superchat_client *)&options;
    superchat_pending *pending = (superchat_pending *)&options;
    superchat_delivery delivery = SUPERCHAT_DELIVERY_STORED;
    superchat_stats stats = superchat_stats_default();

    CHECK(superchat_client_connect(&options, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_connect(NULL, &client) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(client == NULL);
    CHECK(superchat_client_connect(&options, &client) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(superchat_last_error(), "nickname") != NULL);
    options.nickname = "\xff";
    CHECK(superchat_client_connect(&options, &client) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    options.size = 1;
    CHECK(superchat_client_connect(&options, &client) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(superchat_last_error(), "superchat_client_options_default") != NULL);
    superchat_client_options_init(NULL, sizeof options);
    superchat_server_options_init(NULL, 1);
    superchat_limits_init(NULL, 1);
    superchat_stats_init(NULL, 1);
    CHECK(superchat_server_start(NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_send(NULL, "a", "b", &delivery) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(delivery == SUPERCHAT_DELIVERY_NONE);
    CHECK(superchat_client_post(NULL, "a", "b", NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_post_pending(NULL, "a", "b", NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_post_pending(NULL, "a", "b", &pending) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(pending == NULL);
    CHECK(superchat_pending_is_finished(NULL));
    delivery = SUPERCHAT_DELIVERY_STORED;
    CHECK(superchat_pending_wait(NULL, &delivery) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(delivery == SUPERCHAT_DELIVERY_NONE);
    superchat_pending_free(NULL);
    CHECK(superchat_client_register(NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_deregister(NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_post_register(NULL, NULL, NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_post_deregister(NULL, NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_users(NULL, NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_stats(NULL, &stats) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_server_users(NULL, NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_server_stats(NULL, &stats) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_address(NULL, NULL, 0) == 0);
    CHECK(superchat_client_nickname(NULL, NULL, 0) == 0);
    CHECK(superchat_server_address(NULL, NULL, 0) == 0);
    CHECK(!superchat_client_is_registered(NULL));
    superchat_client_close(NULL);
    superchat_client_free(NULL);
    superchat_server_stop(NULL);
    superchat_server_free(NULL);
}

/* What is waited on instead of being called back. */
static void check_pending(const superchat_client *client)
{
    superchat_pending *pending[3];
    superchat_delivery delivery;
    int i;
    for (i = 0; i < 3; i++) {
        CHECK(superchat_client_post_pending(client, "sonic", "hi", &pending[i]) == SUPERCHAT_STATUS_OK);
    }
    CHECK(superchat_pending_wait(pending[2], &delivery) == SUPERCHAT_STATUS_OK);
    CHECK(delivery == SUPERCHAT_DELIVERY_RECEIVED);
    /* They come in order. */
    CHECK(superchat_pending_is_finished(pending[0]) && superchat_pending_is_finished(pending[1]));
    CHECK(superchat_pending_wait(pending[0], NULL) == SUPERCHAT_STATUS_OK);
    superchat_pending_free(pending[1]);
    CHECK(superchat_client_post_pending(client, "nobody", "hi", &pending[0]) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_pending_wait(pending[0], &delivery) == SUPERCHAT_STATUS_UNKNOWN_USER);
    CHECK(delivery == SUPERCHAT_DELIVERY_NONE && strstr(superchat_last_error(), "nobody") != NULL);
    CHECK(superchat_client_post_pending(client, "two words", "hi", &pending[0]) == SUPERCHAT_STATUS_NICKNAME);
    CHECK(pending[0] == NULL);
    CHECK(superchat_client_post_pending(client, "sonic", NULL, &pending[0])
          == SUPERCHAT_STATUS_INVALID_ARGUMENT);
}

static void check_bad_input(const char *directory, const char *address)
{
    superchat_server_options server_options = superchat_server_options_default();
    superchat_client_options options = superchat_client_options_default();
    superchat_limits limits = superchat_limits_default();
    superchat_server *server = NULL;
    superchat_client *client = NULL;

    server_options.bind = address;
    server_options.directory = directory;
    CHECK(superchat_server_start(&server_options, &server) == SUPERCHAT_STATUS_BIND);
    CHECK(strstr(superchat_last_error(), address) != NULL);
    server_options.bind = NULL;
    CHECK(superchat_server_start(&server_options, &server) == SUPERCHAT_STATUS_DIRECTORY);
    server_options.directory = "/nowhere/at/all";
    CHECK(superchat_server_start(&server_options, &server) == SUPERCHAT_STATUS_DIRECTORY);
    CHECK(strstr(superchat_last_error(), "/nowhere/at/all") != NULL);
    server_options.bind = "no port";
    CHECK(superchat_server_start(&server_options, &server) == SUPERCHAT_STATUS_ADDRESS);
    CHECK(server == NULL);
    server_options.limits = &limits;
    limits.users = 0;
    CHECK(superchat_server_start(&server_options, &server) == SUPERCHAT_STATUS_LIMIT);
    CHECK(strcmp(superchat_last_error(), "the limit users is 0; it may be 1 to 16777216") == 0);
    limits.size = 0;
    CHECK(superchat_server_start(&server_options, &server) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(superchat_last_error(), "superchat_limits_default") != NULL);
    CHECK(server == NULL);

    options.nickname = "two words";
    options.server = address;
    CHECK(superchat_client_connect(&options, &client) == SUPERCHAT_STATUS_NICKNAME);
    CHECK(strstr(superchat_last_error(), "two words") != NULL);
    options.nickname = "sonic";
    CHECK(superchat_client_connect(&options, &client) == SUPERCHAT_STATUS_NAME_TAKEN);
    CHECK(client == NULL);
}

int main(int argc, char **argv)
{
    int requests = 0, online = 0;
    time_t started = time(NULL);
    double last_seen = 0;
    char address[64], text[8];
    struct seen sonic_seen, lanking_seen;
    superchat_server_options options = superchat_server_options_default();
    superchat_server *server = NULL;
    superchat_client *sonic, *lanking;
    superchat_pending *pending = NULL;
    superchat_status status;
    superchat_delivery delivery;
    superchat_stats stats = superchat_stats_default();
    superchat_limits limits = superchat_limits_default();

    if (argc != 2) {
        return 2;
    }
    memset(&sonic_seen, 0, sizeof sonic_seen);
    memset(&lanking_seen, 0, sizeof lanking_seen);
    CHECK(pipe(sonic_seen.pipe) == 0 && pipe(lanking_seen.pipe) == 0);
    CHECK(superchat_last_error()[0] == '\0');
    CHECK(superchat_version()[0] != '\0');
    check_null();

    options.directory = argv[1];
    options.refuse_classic = true;
    limits.users = 100;
    limits.message_age = 3600;
    options.limits = &limits;
    options.on_event = on_server_event;
    options.userdata = &requests;
    CHECK(superchat_server_start(&options, &server) == SUPERCHAT_STATUS_OK);
    limits = superchat_limits_default();
    CHECK(limits.users != 100);
    CHECK(superchat_server_limits(server, &limits) == SUPERCHAT_STATUS_OK);
    CHECK(limits.users == 100 && limits.message_age == 3600 && limits.unproven_factor == 3);
    CHECK(superchat_server_limits(server, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_server_address(server, text, sizeof text) > sizeof text);
    CHECK(strcmp(text, "127.0.0") == 0);
    CHECK(superchat_server_address(server, address, sizeof address) < sizeof address);

    sonic = connect_as("sonic", address, &sonic_seen);
    lanking = connect_as("lanking", address, &lanking_seen);
    check_bad_input(argv[1], address);

    CHECK(superchat_client_send(lanking, "sonic", "hi", &delivery) == SUPERCHAT_STATUS_OK);
    CHECK(delivery == SUPERCHAT_DELIVERY_RECEIVED);
    CHECK(superchat_client_send(lanking, "nobody", "hi", NULL) == SUPERCHAT_STATUS_UNKNOWN_USER);
    CHECK(superchat_client_send(lanking, "two words", "", NULL) == SUPERCHAT_STATUS_NICKNAME);
    CHECK(superchat_client_send(lanking, "sonic", NULL, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_users(lanking, count_online, &online) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_server_users(server, count_online, &online) == SUPERCHAT_STATUS_OK);
    CHECK(online == 4);

    CHECK(superchat_client_deregister(sonic) == SUPERCHAT_STATUS_OK);
    CHECK(!superchat_client_is_registered(sonic));
    CHECK(superchat_server_users(server, note_last_seen, &last_seen) == SUPERCHAT_STATUS_OK);
    CHECK(last_seen >= (double)started && last_seen <= (double)time(NULL) + 1);
    CHECK(superchat_client_send(sonic, "lanking", "hi", NULL) == SUPERCHAT_STATUS_NOT_REGISTERED);
    CHECK(superchat_client_send(lanking, "sonic", "later", &delivery) == SUPERCHAT_STATUS_OK);
    CHECK(delivery == SUPERCHAT_DELIVERY_STORED);
    CHECK(superchat_client_register(sonic, "tails") == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_nickname(sonic, text, sizeof text) == 5 && strcmp(text, "tails") == 0);
    CHECK(superchat_client_register(sonic, "sonic") == SUPERCHAT_STATUS_OK);
    CHECK(read(sonic_seen.pipe[0], text, 1) == 1 && read(sonic_seen.pipe[0], text, 1) == 1);
    /* Only now: a stored message that is on its way when its recipient registers comes again. */
    CHECK(superchat_client_register(sonic, NULL) == SUPERCHAT_STATUS_OK);
    CHECK(strcmp(sonic_seen.last_text, "later") == 0 && sonic_seen.last_length == 5);
    CHECK(sonic_seen.last_sent_at > 1.7e9);
    CHECK(superchat_client_stats(sonic, &stats) == SUPERCHAT_STATUS_OK);
    CHECK(stats.datagrams_received > 0 && stats.malformed == 0);
    CHECK(superchat_client_stats(lanking, &stats) == SUPERCHAT_STATUS_OK);
    CHECK(stats.messages_received == 1 && stats.messages_stored == 1 && stats.messages_failed >= 1);
    CHECK(stats.messages_pending == 0 && stats.round_trips + stats.retransmissions > 0);
    CHECK(superchat_server_stats(server, &stats) == SUPERCHAT_STATUS_OK);
    CHECK(stats.datagrams_sent > 0 && stats.messages_stored == 1 && stats.messages_delivered == 1);
    CHECK(stats.users == 3 && stats.users_online == 2 && stats.size == sizeof stats);
    CHECK(superchat_server_stats(server, NULL) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    stats.size--;
    CHECK(superchat_server_stats(server, &stats) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(superchat_client_stats(sonic, &stats) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(superchat_last_error(), "superchat_stats_default") != NULL);

    check_pending(lanking);
    for (online = 0; online < 3; online++) {
        CHECK(read(sonic_seen.pipe[0], text, 1) == 1);
    }
    CHECK(superchat_client_post_deregister(sonic, on_done, &sonic_seen) == SUPERCHAT_STATUS_OK);
    CHECK(read(sonic_seen.pipe[0], text, 1) == 1 && !superchat_client_is_registered(sonic));
    CHECK(superchat_client_post_register(sonic, NULL, on_done, &sonic_seen) == SUPERCHAT_STATUS_OK);
    CHECK(read(sonic_seen.pipe[0], text, 1) == 1 && superchat_client_is_registered(sonic));
    CHECK(superchat_client_post_register(sonic, "two words", on_done, NULL)
          == SUPERCHAT_STATUS_NICKNAME);

    /* One that outlives its client. */
    CHECK(superchat_client_post_pending(lanking, "sonic", "hi", &pending) == SUPERCHAT_STATUS_OK);

    /* A callback that closes its own client. */
    lanking_seen.closes = lanking;
    CHECK(superchat_client_post(lanking, "sonic", "bye", on_outcome, &lanking_seen)
          == SUPERCHAT_STATUS_OK);
    superchat_client_free(sonic);
    superchat_client_close(lanking);
    superchat_client_close(lanking);
    CHECK(superchat_client_send(lanking, "sonic", "hi", NULL) == SUPERCHAT_STATUS_CLOSED);
    superchat_client_free(lanking);
    CHECK(superchat_pending_is_finished(pending));
    status = superchat_pending_wait(pending, &delivery);
    CHECK(status == SUPERCHAT_STATUS_OK || status == SUPERCHAT_STATUS_CLOSED);
    CHECK((status == SUPERCHAT_STATUS_OK) == (delivery != SUPERCHAT_DELIVERY_NONE));
    superchat_server_stop(server);
    superchat_server_stop(server);
    superchat_server_free(server);

    CHECK(sonic_seen.messages >= 2 && sonic_seen.stored == 1);
    CHECK(lanking_seen.outcomes == 1 && lanking_seen.registered == 1);
    CHECK(lanking_seen.status == SUPERCHAT_STATUS_OK || lanking_seen.status == SUPERCHAT_STATUS_CLOSED);
    CHECK(requests >= 4);
    return 0;
}
