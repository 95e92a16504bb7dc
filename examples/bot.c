/* A bot: answers "echo WORDS" with the words, and "time" with the time, until it is interrupted.
 *
 *   cargo build --release
 *   cc examples/bot.c -Iinclude -Ltarget/release -lsuperchat -Wl,-rpath,"$PWD/target/release" -o bot
 *   ./bot bot localhost:5000
 */
#define _POSIX_C_SOURCE 200809L /* sigwait */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "superchat.h"

struct bot {
    superchat_client *client;
};

static void answer(void *userdata, const superchat_message *message)
{
    struct bot *bot = (struct bot *)userdata;
    const char *text = NULL;
    char now[32];
    if (strncmp(message->text, "echo ", 5) == 0) {
        text = message->text + 5;
    } else if (strcmp(message->text, "time") == 0) {
        time_t seconds = time(NULL);
        strftime(now, sizeof now, "%Y-%m-%d %H:%M:%S UTC", gmtime(&seconds));
        text = now;
    }
    /* What it does not know it leaves alone: two bots that say so would do it for ever. */
    if (text != NULL
        && superchat_client_post(bot->client, message->sender, text, NULL, NULL) != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", message->sender, superchat_last_error());
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s NICKNAME SERVER:PORT\n", argv[0]);
        return 2;
    }
    /* Before the client has threads, so that they leave these signals to sigwait. */
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);

    struct bot bot = {NULL};
    superchat_client_options options = superchat_client_options_default();
    options.nickname = argv[1];
    options.server = argv[2];
    options.on_message = answer;
    options.userdata = &bot;
    /* Offline at first: a message that waits would be answered before bot.client is set. */
    options.offline = true;
    if (superchat_client_connect(&options, &bot.client) != SUPERCHAT_STATUS_OK
        || superchat_client_register(bot.client, NULL) != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], superchat_last_error());
        superchat_client_free(bot.client);
        return 1;
    }
    printf("registered as %s\n", argv[1]);
    fflush(stdout);

    int which;
    sigwait(&ends, &which);
    superchat_client_free(bot.client);
    return 0;
}
