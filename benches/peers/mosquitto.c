/* Mosquitto: QoS 1 through the broker, which confirms to the sender, and is confirmed to by the receiver. */
#include "bench.h"

#include <mosquitto.h>

static struct mosquitto *client;

static void subscribed(struct mosquitto *m, void *o, int id, int count, const int *granted)
{
    (void)m, (void)o, (void)id, (void)count, (void)granted;
    atomic_store(&shared->ready, 1);
}

static void came(struct mosquitto *m, void *o, const struct mosquitto_message *message)
{
    (void)m, (void)o, (void)message;
    has_come(1);
}

static void published(struct mosquitto *m, void *o, int id)
{
    (void)m, (void)o, (void)id;
    confirmed++;
}

static int connected;

static void is_connected(struct mosquitto *m, void *o, int error)
{
    (void)m, (void)o;
    connected = error == 0;
}

static void check(int error, const char *what)
{
    if (error != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "%s: %s\n", what, mosquitto_strerror(error));
        exit(1);
    }
}

static void open_client(void)
{
    client = mosquitto_new(NULL, true, NULL);
    check(mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1), "TCP_NODELAY");
    check(mosquitto_max_inflight_messages_set(client, 0), "in flight");
    mosquitto_connect_callback_set(client, is_connected);
    mosquitto_subscribe_callback_set(client, subscribed);
    mosquitto_message_callback_set(client, came);
    mosquitto_publish_callback_set(client, published);
    check(mosquitto_connect(client, "127.0.0.1", port, 60), "connect");
    while (!connected)
        check(mosquitto_loop(client, 100, 1), "connecting");
}

static void receive(void)
{
    open_client();
    check(mosquitto_subscribe(client, NULL, "to", 1), "subscribe");
    for (;;)
        check(mosquitto_loop(client, 1000, 1), "receiving");
}

static void send_one(void)
{
    check(mosquitto_publish(client, NULL, "to", MESSAGE, text(), 1, false), "publish");
}

static void take(int may_wait)
{
    check(mosquitto_loop(client, may_wait ? 1 : 0, 1), "sending");
}

int main(int argc, char **argv)
{
    mosquitto_lib_init();
    return run(argc, argv, receive, open_client, send_one, take);
}
