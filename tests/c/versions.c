/* A program that was compiled with another header than the library that it runs with: an older one, in
 * which each struct that a program makes lacks its last field; or, with NEWER defined, a newer one, in
 * which each has one more, `later`. Arguments: a directory for mailboxes. */

#include "check.h"

/* What stands behind a struct, which nobody may write to. */
#define GUARDED(type) struct { type it; unsigned char guard[64]; }
#define WATCH(place) memset(&(place), 0xa5, sizeof (place))
#define CHECK_GUARD(place)                                                        \
    do {                                                                          \
        size_t nth;                                                               \
        for (nth = 0; nth < sizeof (place).guard; nth++) {                        \
            CHECK((place).guard[nth] == 0xa5);                                    \
        }                                                                         \
    } while (0)

static void on_message(void *userdata, const superchat_message *message)
{
    (void)userdata;
    CHECK(message->text != NULL);
}

int main(int argc, char **argv)
{
    GUARDED(superchat_server_options) server_options;
    GUARDED(superchat_client_options) client_options;
    GUARDED(superchat_limits) limits;
    GUARDED(superchat_stats) stats;
    superchat_server *server = NULL;
    superchat_client *client = NULL;
    superchat_delivery delivery;
    char address[64];

    CHECK(argc == 2);
    WATCH(server_options);
    WATCH(client_options);
    WATCH(limits);
    WATCH(stats);
    superchat_server_options_init(&server_options.it, sizeof server_options.it);
    superchat_client_options_init(&client_options.it, sizeof client_options.it);
    superchat_limits_init(&limits.it, sizeof limits.it);
    superchat_stats_init(&stats.it, sizeof stats.it);
    CHECK(stats.it.size == sizeof stats.it && limits.it.size == sizeof limits.it);

    limits.it.users = 10;
    server_options.it.directory = argv[1];
    server_options.it.limits = &limits.it;
#ifdef NEWER
    /* What is asked for and not known is refused, not left out. */
    CHECK(server_options.it.later == 0 && client_options.it.later == 0 && limits.it.later == 0);
    server_options.it.later = 1;
    CHECK(superchat_server_start(&server_options.it, &server) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(superchat_last_error(), "superchat_server_options has a field set") != NULL);
    server_options.it.later = 0;
    limits.it.later = 1ull << 63;
    CHECK(superchat_server_start(&server_options.it, &server) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(superchat_last_error(), "superchat_limits has a field set") != NULL);
    limits.it.later = 0;
#endif
    CHECK(superchat_server_start(&server_options.it, &server) == SUPERCHAT_STATUS_OK);
    memset(&limits.it.users, 0xa5, sizeof limits.it - offsetof(superchat_limits, users));
    CHECK(superchat_server_limits(server, &limits.it) == SUPERCHAT_STATUS_OK);
    CHECK(limits.it.users == 10 && limits.it.size == sizeof limits.it);
    superchat_server_address(server, address, sizeof address);

    client_options.it.nickname = "sonic";
    client_options.it.server = address;
    client_options.it.on_message = on_message;
#ifdef NEWER
    client_options.it.later = 1;
    CHECK(superchat_client_connect(&client_options.it, &client) == SUPERCHAT_STATUS_INVALID_ARGUMENT);
    CHECK(client == NULL);
    client_options.it.later = 0;
    CHECK(limits.it.later == 0);
    stats.it.later = 1;
#endif
    CHECK(superchat_client_connect(&client_options.it, &client) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_send(client, "sonic", "hi", &delivery) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_client_stats(client, &stats.it) == SUPERCHAT_STATUS_OK);
    CHECK(stats.it.messages_received == 1 && stats.it.size == sizeof stats.it);
    CHECK(superchat_server_stats(server, &stats.it) == SUPERCHAT_STATUS_OK);
    CHECK(stats.it.users == 1);
#ifdef NEWER
    /* What the library does not count is 0. */
    CHECK(stats.it.later == 0);
#endif
    superchat_client_free(client);
    superchat_server_free(server);
    CHECK_GUARD(server_options);
    CHECK_GUARD(client_options);
    CHECK_GUARD(limits);
    CHECK_GUARD(stats);
    return 0;
}
