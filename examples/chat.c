/* A chat client: sends each line "NAME TEXT" of its standard input, prints what comes.
 *
 *   cargo build --release
 *   cc examples/chat.c -Iinclude -Ltarget/release -lsuperchat -Wl,-rpath,"$PWD/target/release" -o chat
 *   ./chat sonic localhost:5000
 */
#define _POSIX_C_SOURCE 200809L /* flockfile */
#include <stdio.h>
#include <string.h>

#include "superchat.h"
#include "visible.h"

static void print_message(void *userdata, const superchat_message *message)
{
    (void)userdata;
    /* Another thread prints what becomes of our own messages. */
    flockfile(stdout);
    printf("%s: ", message->sender);
    print_visible(message->text);
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
}

static const char *outcome(superchat_delivery delivery)
{
    switch (delivery) {
    case SUPERCHAT_DELIVERY_RECEIVED: return "received";
    case SUPERCHAT_DELIVERY_RELAYED: return "relayed";
    case SUPERCHAT_DELIVERY_STORED: return "stored";
    default: return "nothing";
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s NICKNAME SERVER:PORT\n", argv[0]);
        return 2;
    }
    superchat_client_options options = superchat_client_options_default();
    options.nickname = argv[1];
    options.server = argv[2];
    options.on_message = print_message;

    superchat_client *client = NULL;
    if (superchat_client_connect(&options, &client) != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], superchat_last_error());
        return 1;
    }
    printf("registered as %s\n", argv[1]);
    fflush(stdout);

    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *end = strchr(line, '\n');
        char *text = strchr(line, ' ');
        if (end != NULL) {
            *end = '\0';
        } else if (!feof(stdin)) {
            fprintf(stderr, "%s: a line is too long\n", argv[0]);
            break;
        }
        if (text == NULL) {
            continue;
        }
        *text++ = '\0';
        superchat_delivery delivery;
        if (superchat_client_send(client, line, text, &delivery) == SUPERCHAT_STATUS_OK) {
            printf("[%s by %s]\n", outcome(delivery),
                   delivery == SUPERCHAT_DELIVERY_STORED ? "the server" : line);
        } else {
            printf("[%s]\n", superchat_last_error());
        }
        fflush(stdout);
    }
    superchat_client_free(client);
    return 0;
}
