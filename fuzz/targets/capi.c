/* Calls of the C functions, with any strings, NULL where it is allowed to be and where it is not, any
 * sizes, in any order, on one server and two clients of this process.
 *
 * The invariant: a call returns one of its statuses, never INTERNAL, and writes no further than it was
 * told. What is behind a pointer is valid: what is not, no function can check.
 *
 * An input is a sequence of steps: a byte that says which call, and the bytes of its arguments. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "superchat.h"

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (!(condition)) {                                                             \
            fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,         \
                    superchat_last_error());                                            \
            abort();                                                                    \
        }                                                                               \
    } while (0)

/* Steps of one input: each may need a datagram and its answer. */
enum { MAX_STEPS = 64, CLIENTS = 2 };

struct input {
    const uint8_t *bytes;
    size_t left;
};

static superchat_server *server;
static superchat_client *clients[CLIENTS];

static uint8_t byte(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->bytes++;
}

/* A string of exactly its own length on the heap, for whoever watches what is read: NULL, one of those
 * that lead further, or any bytes. To be freed. */
static char *string(struct input *input)
{
    static const char *const known[] = {"sonic", "lanking", "localhost:0", "127.0.0.1:1", "[::1]:0", ""};
    uint8_t kind = byte(input);
    size_t length;
    char *text;
    if (kind < 16) {
        return NULL;
    }
    if (kind < 160) {
        return strdup(known[kind % 6]);
    }
    /* Longer than a message may be, or so long that it has parts. */
    length = kind == 255 ? (1u << 20) + 1u : kind < 250 ? byte(input) : (size_t)byte(input) * 64;
    text = malloc(length + 1);
    CHECK(text != NULL);
    if (kind < 250) {
        length = length < input->left ? length : input->left;
        memcpy(text, input->bytes, length);
        input->bytes += length;
        input->left -= length;
    } else {
        memset(text, 'x', length);
    }
    text[length] = '\0';
    return text;
}

static superchat_client *client(struct input *input)
{
    uint8_t which = byte(input);
    return which >= 240 ? NULL : clients[which % CLIENTS];
}

static void checked(superchat_status status)
{
    CHECK(status >= SUPERCHAT_STATUS_OK && status < SUPERCHAT_STATUS_INTERNAL);
    CHECK(status == SUPERCHAT_STATUS_OK || superchat_last_error()[0] != '\0');
}

static void on_message(void *userdata, const superchat_message *message)
{
    (void)userdata;
    CHECK(strlen(message->sender) > 0 && message->text[message->text_length] == '\0');
}

static void on_event(void *userdata, const superchat_client_event *event)
{
    (void)userdata;
    CHECK(event->nickname != NULL && event->text != NULL);
}

static void on_server_event(void *userdata, const superchat_server_event *event)
{
    (void)userdata;
    CHECK(strlen(event->text) > 0 && event->nickname != NULL && event->recipient != NULL);
}

static void on_user(void *userdata, const superchat_user *user)
{
    (void)userdata;
    CHECK(strlen(user->nickname) > 0 && strlen(user->address) > 0);
}

static void on_done(void *userdata, superchat_status status)
{
    (void)userdata;
    CHECK(status < SUPERCHAT_STATUS_INTERNAL);
}

static void on_outcome(void *userdata, superchat_status status, superchat_delivery delivery)
{
    (void)userdata;
    CHECK(status < SUPERCHAT_STATUS_INTERNAL);
    CHECK((status == SUPERCHAT_STATUS_OK) == (delivery != SUPERCHAT_DELIVERY_NONE));
}

/* A function that writes to a buffer, given one that is too short, or none. */
static void copied(struct input *input, size_t (*function)(const superchat_client *, char *, size_t))
{
    superchat_client *of = client(input);
    size_t size = byte(input), length;
    char *buffer = size == 255 ? NULL : malloc(size + 1);
    if (buffer != NULL) {
        memset(buffer, 'z', size + 1);
    }
    length = function(of, buffer, size);
    CHECK(of != NULL || length == 0);
    if (buffer != NULL) {
        CHECK(buffer[size] == 'z');
        CHECK(of == NULL || size == 0 || strlen(buffer) <= length);
    }
    free(buffer);
}

static size_t server_address(const superchat_client *of, char *buffer, size_t size)
{
    return superchat_server_address(of == NULL ? NULL : server, buffer, size);
}

/* A struct of another size than here, as other versions have, and whether what is past it is zero. What
 * is behind the pointer has that size. */
union sized {
    superchat_client_options of_client;
    superchat_server_options of_server;
    superchat_stats stats;
    unsigned char bytes[1024];
};

static size_t other_size(struct input *input, union sized *sized, size_t size)
{
    uint8_t kind = byte(input);
    size_t other = kind < 128 ? size : (size_t)byte(input) * 4;
    if (other > size && other <= sizeof *sized) {
        memset(sized->bytes + size, kind % 2, other - size);
    }
    return other;
}

/* A client that is made with anything, and freed. It does not register: nobody waits for an answer. */
static void connect_one(struct input *input)
{
    union sized sized;
    superchat_client_options *options = &sized.of_client;
    superchat_client *made = NULL;
    char *nickname = string(input), *bind = string(input);
    uint8_t wrong = byte(input);
    superchat_status status;
    *options = superchat_client_options_default();
    options->size = other_size(input, &sized, sizeof *options);
    options->nickname = nickname;
    options->server = "127.0.0.1:9";
    options->bind = bind;
    options->offline = true;
    options->on_message = wrong % 2 ? on_message : NULL;
    options->on_event = wrong % 2 ? on_event : NULL;
    /* Cut before it, it would wait for a server, where there is none. */
    if (options->size < offsetof(superchat_client_options, on_message)) {
        options->size = 0;
    }
    /* Names are for the machine's own resolver: only numbers are given to it. */
    if (bind != NULL && strspn(bind, "0123456789.:[]") != strlen(bind)) {
        options->bind = "127.0.0.1:0";
    }
    status = superchat_client_connect(wrong == 239 ? NULL : options, wrong == 238 ? NULL : &made);
    checked(status);
    CHECK((status == SUPERCHAT_STATUS_OK) == (made != NULL));
    superchat_client_free(made);
    free(nickname);
    free(bind);
}

static void start_one(struct input *input)
{
    union sized sized;
    superchat_server_options *options = &sized.of_server;
    superchat_server *made = NULL;
    char *directory = string(input);
    uint8_t wrong = byte(input);
    superchat_status status;
    *options = superchat_server_options_default();
    options->size = other_size(input, &sized, sizeof *options);
    options->bind = wrong % 2 ? "127.0.0.1:0" : "127.0.0.1";
    /* It is never to be where this runs, nor where another one is. */
    options->directory = directory == NULL || directory[0] == '\0' ? "/nonexistent" : directory;
    if (access(options->directory, W_OK) == 0) {
        options->directory = "/nonexistent";
    }
    if (options->size < offsetof(superchat_server_options, limits)) {
        options->size = 0;
    }
    status = superchat_server_start(wrong == 239 ? NULL : options, wrong == 238 ? NULL : &made);
    checked(status);
    CHECK(status != SUPERCHAT_STATUS_OK && made == NULL);
    free(directory);
}

static void step(struct input *input)
{
    superchat_client *of;
    union sized sized;
    char *a, *b;
    uint8_t which;
    switch (byte(input) % 14) {
    case 0:
    case 1:
        of = client(input);
        a = string(input);
        b = string(input);
        which = byte(input);
        checked(superchat_client_post(of, a, b, which % 2 ? on_outcome : NULL, NULL));
        free(a);
        free(b);
        break;
    case 2:
        of = client(input);
        a = string(input);
        checked(superchat_client_post_register(of, a, byte(input) % 2 ? on_done : NULL, NULL));
        free(a);
        break;
    case 3:
        of = client(input);
        checked(superchat_client_post_deregister(of, byte(input) % 2 ? on_done : NULL, NULL));
        break;
    case 4:
        of = client(input);
        which = byte(input);
        checked(superchat_client_users(of, which % 4 ? on_user : NULL, NULL));
        checked(superchat_server_users(of == NULL ? NULL : server, which % 4 ? on_user : NULL, NULL));
        break;
    case 5:
        of = client(input);
        which = byte(input);
        sized.stats = superchat_stats_default();
        sized.stats.size = other_size(input, &sized, sizeof sized.stats);
        checked(superchat_client_stats(of, which % 4 ? &sized.stats : NULL));
        checked(superchat_server_stats(of == NULL ? NULL : server, which % 4 ? &sized.stats : NULL));
        break;
    case 6:
        copied(input, superchat_client_nickname);
        break;
    case 7:
        copied(input, superchat_client_address);
        break;
    case 8:
        copied(input, server_address);
        break;
    case 9:
        connect_one(input);
        break;
    case 10:
        start_one(input);
        break;
    case 11:
        of = client(input);
        (void)superchat_client_is_registered(of);
        CHECK((superchat_client_fd(of) >= 0) == (of == clients[1]));
        CHECK(superchat_server_fd(of == NULL ? NULL : server) == -1);
        checked(superchat_client_dispatch(of));
        checked(superchat_server_dispatch(of == NULL ? NULL : server));
        superchat_client_close(NULL);
        superchat_client_free(NULL);
        superchat_server_stop(NULL);
        superchat_server_free(NULL);
        CHECK(strlen(superchat_version()) > 0 && superchat_last_error() != NULL);
        break;
    case 12: {
        /* What waits for an answer has one: from the other client, or its own server. */
        superchat_delivery delivery;
        superchat_status status;
        of = client(input);
        a = string(input);
        status = superchat_client_send(of, "lanking", a, byte(input) % 4 ? &delivery : NULL);
        checked(status);
        free(a);
        break;
    }
    default:
        of = client(input);
        a = string(input);
        /* A nickname that it may have, or none: another one would be the other client's. */
        checked(superchat_client_register(of, a != NULL && strcmp(a, "sonic") == 0 ? NULL : ""));
        free(a);
        break;
    }
}

/* The server and its clients, once for all inputs. */
static void begin(void)
{
    const char *parent = getenv("TMPDIR");
    char directory[256];
    static const char *const names[CLIENTS] = {"sonic", "lanking"};
    superchat_server_options of_server = superchat_server_options_default();
    char address[64];
    int nth;
    snprintf(directory, sizeof directory, "%s/superchat-XXXXXX", parent != NULL ? parent : "/tmp");
    CHECK(mkdtemp(directory) != NULL);
    of_server.bind = "127.0.0.1:0";
    of_server.directory = directory;
    of_server.on_event = on_server_event;
    CHECK(superchat_server_start(&of_server, &server) == SUPERCHAT_STATUS_OK);
    CHECK(superchat_server_address(server, address, sizeof address) < sizeof address);
    for (nth = 0; nth < CLIENTS; nth++) {
        superchat_client_options options = superchat_client_options_default();
        options.nickname = names[nth];
        options.server = address;
        options.on_message = on_message;
        options.on_event = on_event;
        /* One of each kind. */
        options.polled = nth == 1;
        CHECK(superchat_client_connect(&options, &clients[nth]) == SUPERCHAT_STATUS_OK);
    }
}

/* Does what the input says. */
void superchat_fuzz_capi(const uint8_t *bytes, size_t size)
{
    struct input input;
    int steps;
    input.bytes = bytes;
    input.left = size;
    if (server == NULL) {
        begin();
    }
    for (steps = 0; steps < MAX_STEPS && input.left > 0; steps++) {
        step(&input);
        CHECK(superchat_client_dispatch(clients[1]) == SUPERCHAT_STATUS_OK);
    }
}

#ifdef SUPERCHAT_FUZZ_MAIN
/* Without a fuzzer: the arguments are files, each an input. */
int main(int count, char **names)
{
    static uint8_t bytes[1 << 16];
    int nth;
    for (nth = 1; nth < count; nth++) {
        FILE *file = fopen(names[nth], "rb");
        CHECK(file != NULL);
        fprintf(stderr, "%s\n", names[nth]);
        superchat_fuzz_capi(bytes, fread(bytes, 1, sizeof bytes, file));
        fclose(file);
    }
    for (nth = 0; nth < CLIENTS; nth++) {
        superchat_client_free(clients[nth]);
    }
    superchat_server_free(server);
    return 0;
}
#endif
