/* A chat client in an event loop: one thread waits for standard input and the client at once, and nothing
 * in it waits for the network. Sends each line "NAME TEXT", prints what comes.
 *
 *   cargo build --release
 *   cc examples/poll.c -Iinclude -Ltarget/release -lsuperchat -Wl,-rpath,"$PWD/target/release" -o poll
 *   ./poll lanking localhost:5000
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "superchat.h"
#include "visible.h"

/* All callbacks run inside superchat_client_dispatch, so that they need no lock. */
enum state { REGISTERING, ONLINE, FAILED };

struct chat {
    superchat_client *client;
    const char *nickname;
    enum state state;
    int pending; /* messages without an outcome */
};

static void print_message(void *userdata, const superchat_message *message)
{
    (void)userdata;
    printf("%s: ", message->sender);
    print_visible(message->text);
    putchar('\n');
}

static void print_registered(void *userdata, superchat_status status)
{
    struct chat *chat = (struct chat *)userdata;
    if (status == SUPERCHAT_STATUS_OK) {
        chat->state = ONLINE;
        printf("registered as %s\n", chat->nickname);
    } else {
        chat->state = FAILED;
        printf("[not registered: %s]\n", superchat_last_error());
    }
}

static void print_outcome(void *userdata, superchat_status status, superchat_delivery delivery)
{
    struct chat *chat = (struct chat *)userdata;
    (void)status;
    chat->pending--;
    switch (delivery) {
    case SUPERCHAT_DELIVERY_RECEIVED: printf("[received]\n"); break;
    case SUPERCHAT_DELIVERY_RELAYED: printf("[relayed]\n"); break;
    case SUPERCHAT_DELIVERY_STORED: printf("[stored]\n"); break;
    default: printf("[%s]\n", superchat_last_error());
    }
}

static void send_line(struct chat *chat, char *line)
{
    char *text = strchr(line, ' ');
    if (text == NULL) {
        return;
    }
    *text++ = '\0';
    if (superchat_client_post(chat->client, line, text, print_outcome, chat) == SUPERCHAT_STATUS_OK) {
        chat->pending++;
    } else {
        printf("[%s]\n", superchat_last_error());
    }
}

/* What was read of standard input, and not sent yet. */
struct input {
    char bytes[4096];
    size_t length;
};

/* Reads once, since more may block, and sends the lines that are whole. Returns 0 at the end. */
static int take_lines(struct chat *chat, struct input *input)
{
    ssize_t came = read(STDIN_FILENO, input->bytes + input->length, sizeof input->bytes - input->length);
    char *line = input->bytes, *end;
    if (came <= 0) {
        input->bytes[input->length] = '\0'; /* there is room: a full one has ended it */
        send_line(chat, input->bytes);
        return 0;
    }
    input->length += (size_t)came;
    while ((end = (char *)memchr(line, '\n', (size_t)(input->bytes + input->length - line))) != NULL) {
        *end = '\0';
        send_line(chat, line);
        line = end + 1;
    }
    input->length -= (size_t)(line - input->bytes);
    memmove(input->bytes, line, input->length);
    if (input->length == sizeof input->bytes) {
        fprintf(stderr, "a line is too long\n");
        return 0;
    }
    return 1;
}

/* Waits for whatever comes first, until the lines have ended and each message has its outcome. */
static void run(struct chat *chat)
{
    struct input input;
    struct pollfd waited[2];
    int more = 1;
    input.length = 0;
    waited[1].fd = superchat_client_fd(chat->client);
    waited[0].events = waited[1].events = POLLIN;
    while (chat->state == REGISTERING || (chat->state == ONLINE && (more || chat->pending > 0))) {
        waited[0].fd = chat->state == ONLINE && more ? STDIN_FILENO : -1;
        waited[0].revents = waited[1].revents = 0;
        fflush(stdout);
        if (poll(waited, 2, -1) < 0 && errno != EINTR) {
            perror("poll");
            chat->state = FAILED;
        }
        if (waited[1].revents != 0 && superchat_client_dispatch(chat->client) != SUPERCHAT_STATUS_OK) {
            chat->state = FAILED;
        }
        if (waited[0].revents != 0) {
            more = take_lines(chat, &input);
        }
    }
}

int main(int argc, char **argv)
{
    struct chat chat = {NULL, NULL, REGISTERING, 0};
    if (argc != 3) {
        fprintf(stderr, "usage: %s NICKNAME SERVER:PORT\n", argv[0]);
        return 2;
    }
    superchat_client_options options = superchat_client_options_default();
    options.nickname = chat.nickname = argv[1];
    options.server = argv[2];
    options.polled = true;
    options.offline = true; /* superchat_client_connect would wait for the server */
    options.on_message = print_message;

    if (superchat_client_connect(&options, &chat.client) != SUPERCHAT_STATUS_OK
        || superchat_client_post_register(chat.client, NULL, print_registered, &chat)
               != SUPERCHAT_STATUS_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], superchat_last_error());
        superchat_client_free(chat.client);
        return 1;
    }
    run(&chat);
    superchat_client_free(chat.client);
    return chat.state == FAILED;
}
