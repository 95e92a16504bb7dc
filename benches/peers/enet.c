/* ENet: reliable packets on one channel. A packet is confirmed when the host frees it, which has its ack then. */
#include "bench.h"

#include <enet/enet.h>

static ENetHost *host;
static ENetPeer *peer;

static void receive(void)
{
    ENetAddress address = {.host = ENET_HOST_TO_NET_32(0x7f000001), .port = (enet_uint16)port};
    ENetEvent event;
    host = enet_host_create(&address, 1, 1, 0, 0);
    if (!host)
        die("enet_host_create");
    atomic_store(&shared->ready, 1);
    for (;;) {
        int found = enet_host_service(host, &event, 1000);
        for (; found > 0; found = enet_host_check_events(host, &event)) {
            if (event.type == ENET_EVENT_TYPE_RECEIVE) {
                has_come(1);
                enet_packet_destroy(event.packet);
            }
        }
        enet_host_flush(host);
    }
}

static void open_sender(void)
{
    ENetAddress address = {.host = ENET_HOST_TO_NET_32(0x7f000001), .port = (enet_uint16)port};
    ENetEvent event;
    host = enet_host_create(NULL, 1, 1, 0, 0);
    peer = host ? enet_host_connect(host, &address, 1, 0) : NULL;
    if (!peer || enet_host_service(host, &event, 3000) <= 0 || event.type != ENET_EVENT_TYPE_CONNECT)
        die("enet_host_connect");
}

static void is_free(ENetPacket *packet)
{
    (void)packet;
    confirmed++;
}

static void send_one(void)
{
    ENetPacket *packet = enet_packet_create(text(), MESSAGE, ENET_PACKET_FLAG_RELIABLE);
    packet->freeCallback = is_free;
    if (enet_peer_send(peer, 0, packet) != 0)
        die("enet_peer_send");
}

static void take(int may_wait)
{
    ENetEvent event;
    enet_uint32 wanted = ENET_SOCKET_WAIT_RECEIVE;
    /* Its own wait ends with an event, which an ack is none. */
    enet_host_flush(host);
    if (may_wait)
        enet_socket_wait(host->socket, &wanted, 1);
    if (enet_host_service(host, &event, 0) < 0)
        die("enet_host_service");
}

int main(int argc, char **argv)
{
    if (enet_initialize() != 0)
        return 1;
    return run(argc, argv, receive, open_sender, send_one, take);
}
