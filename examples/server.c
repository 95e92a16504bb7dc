/* A server inside a program: shows who is there, and what was counted, for each line of standard input.
 *
 *   cargo build --release
 *   cc examples/server.c -Iinclude -Ltarget/release -lsuperchat -Wl,-rpath,"$PWD/target/release" -o server
 *   ./server localhost:5000 .
 */
#include <inttypes.h>
#include <stdio.h>

#include "superchat.h"

static void print_event(void *userdata, const superchat_server_event *event)
{
    /* A line for a log: what a terminal would obey is not in it. */
    fprintf((FILE *)userdata, "%s\n", event->text);
}

static void print_user(void *userdata, const superchat_user *user)
{
    fprintf((FILE *)userdata, "%s %s %s\n", user->nickname, user->online ? "online" : "offline",
            user->address);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s HOST:PORT DIRECTORY\n", argv[0]);
        return 2;
    }
    superchat_limits limits = superchat_limits_default();
    limits.users = 1000;

    superchat_server_options options = superchat_server_options_default();
    options.bind = argv[1];
    options.directory = argv[2];
    options.limits = &limits;
    options.on_event = print_event;
    options.userdata = stderr;

    superchat_server *server = NULL;
    if (superchat_server_start(&options, &server) != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], superchat_last_error());
        return 1;
    }
    char address[64];
    superchat_server_address(server, address, sizeof address);
    printf("listening on %s\n", address);
    fflush(stdout);

    int c;
    while ((c = getchar()) != EOF) {
        if (c != '\n') {
            continue;
        }
        superchat_stats stats = superchat_stats_default();
        superchat_server_users(server, print_user, stdout);
        superchat_server_stats(server, &stats);
        printf("%" PRIu64 " of %" PRIu64 " users online, %" PRIu64 " messages stored, %" PRIu64
               " datagrams received\n",
               stats.users_online, stats.users, stats.messages_stored, stats.datagrams_received);
        fflush(stdout);
    }
    superchat_server_free(server);
    return 0;
}
