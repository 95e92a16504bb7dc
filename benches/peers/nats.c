/* NATS: requests through the server, each answered by the receiver with an empty message. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

static int server;
static char out[1 << 16], in[1 << 16];
static size_t out_length, in_length;

static void flush(void)
{
    for (size_t done = 0; done < out_length;) {
        ssize_t written = write(server, out + done, out_length - done);
        if (written < 0)
            die("write");
        done += (size_t)written;
    }
    out_length = 0;
}

static void say(const char *words)
{
    size_t length = strlen(words);
    if (out_length + length > sizeof out)
        flush();
    memcpy(out + out_length, words, length);
    out_length += length;
}

/* Reads once, and counts the messages in it; answers them if it is to. */
static long hear(int answers)
{
    long messages = 0;
    ssize_t found = read(server, in + in_length, sizeof in - 1 - in_length);
    if (found <= 0)
        die("read");
    in_length += (size_t)found;
    in[in_length] = 0;
    char *at = in, *end = in + in_length, *line;
    while ((line = strstr(at, "\r\n"))) {
        char subject[64], id[16], reply[64], answer[128];
        size_t length = 0;
        *line = 0;
        char *next = line + 2;
        if (strncmp(at, "MSG ", 4) == 0) {
            if (sscanf(at, "MSG %63s %15s %63s %zu", subject, id, reply, &length) != 4) {
                length = 0;
                sscanf(at, "MSG %63s %15s %zu", subject, id, &length);
                reply[0] = 0;
            }
            if (next + length + 2 > end) {
                *line = '\r';
                break;
            }
            next += length + 2;
            messages++;
            if (answers) {
                snprintf(answer, sizeof answer, "PUB %s 0\r\n\r\n", reply);
                say(answer);
            }
        } else if (strcmp(at, "PING") == 0) {
            say("PONG\r\n");
        } else if (strcmp(at, "PONG") == 0) {
            atomic_store(&shared->ready, 1);
        } else if (strncmp(at, "-ERR", 4) == 0) {
            fprintf(stderr, "%s\n", at);
            exit(1);
        }
        at = next;
    }
    in_length = (size_t)(end - at);
    memmove(in, at, in_length);
    return messages;
}

static void open_client(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int yes = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(server, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    say("CONNECT {\"verbose\":false}\r\n");
}

static void receive(void)
{
    open_client();
    say("SUB to 1\r\nPING\r\n");
    flush();
    for (;;) {
        has_come(hear(1));
        flush();
    }
}

static void open_sender(void)
{
    open_client();
    say("SUB back 1\r\n");
    flush();
}

static void send_one(void)
{
    char words[64 + MESSAGE];
    snprintf(words, sizeof words, "PUB to back %d\r\n%s\r\n", MESSAGE, text());
    say(words);
}

static void take(int may_wait)
{
    flush();
    if (may_wait)
        confirmed += hear(0);
}

int main(int argc, char **argv)
{
    return run(argc, argv, receive, open_sender, send_one, take);
}
