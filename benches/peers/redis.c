/* Redis: XADD to a stream, so many in a pipeline; an answer says that it is on the disk (appendfsync always). */
#include "bench.h"

#include <hiredis/hiredis.h>

static redisContext *server;

static void open_client(void)
{
    server = redisConnect("127.0.0.1", port);
    if (!server || server->err)
        die("redisConnect");
}

static void send_one(void)
{
    if (redisAppendCommand(server, "XADD mail * text %b", text(), (size_t)MESSAGE) != REDIS_OK)
        die("redisAppendCommand");
}

/* Everything that was sent: the pipeline is answered as a whole. */
static void take(int may_wait)
{
    (void)may_wait;
    while (confirmed < sent) {
        redisReply *reply = NULL;
        if (redisGetReply(server, (void **)&reply) != REDIS_OK || reply->type == REDIS_REPLY_ERROR)
            die(reply ? reply->str : "redisGetReply");
        freeReplyObject(reply);
        confirmed++;
        has_come(1);
    }
}

int main(int argc, char **argv)
{
    return run(argc, argv, NULL, open_client, send_one, take);
}
