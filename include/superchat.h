/* superchat: presence and direct messages that a program can embed.
 *
 * Generated from src/capi; tests/header.rs compares it and says how to refresh it.
 *
 * Strings are UTF-8 with a NUL at their end. A string or struct given to a function is the caller's
 * again when the function returns; one given to a callback lives until the callback returns.
 *
 * Callbacks of one handle run one at a time, in order, and may call any function, also one that closes
 * or frees their own handle. They run on a thread of the handle's own, and the first may run before the
 * function that makes the handle has returned it; or, where options.polled is set, on the thread that
 * calls superchat_client_dispatch or superchat_server_dispatch, and what is left in the _free function.
 *
 * userdata may be NULL: it is passed on as it is.
 *
 * A handle is of the process that made it. In a child of that, which has none of its threads, functions
 * that can fail return CLOSED, and _close, _stop and _free do nothing. The library's threads take
 * signals as any thread does: a program that waits for signals blocks them before it makes a handle.
 *
 * Every function says whether a pointer may be NULL, whose it is, how long it is used, which threads may
 * call, and what comes back. What a function forbids and no function can see is undefined: a pointer
 * that leads nowhere, a handle that was freed, a struct that no _default function made.
 *
 * A program may run with another version of the library than the one whose header it was compiled with,
 * as long as the library has the same soname: structs grow at their end only, and enums may have more
 * values, which a program is to take as unknown ones. */

#ifndef SUPERCHAT_H
#define SUPERCHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * What came of a call. The numbers are fixed: one that is retired is not used again. Later versions
 * may have more: an unknown one is a failure.
 */
enum superchat_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    SUPERCHAT_STATUS_OK = 0,
    /**
     * A pointer that must not be NULL is NULL, a string is not UTF-8, or a struct was not made by its
     * _default function, or asks for what this version does not know; superchat_last_error says which.
     */
    SUPERCHAT_STATUS_INVALID_ARGUMENT = 1,
    /**
     * A host name or port does not lead to an address.
     */
    SUPERCHAT_STATUS_ADDRESS = 2,
    /**
     * The socket could not be bound, for example because the port is in use.
     */
    SUPERCHAT_STATUS_BIND = 3,
    /**
     * The directory of a server cannot be written, or is in use by another server.
     */
    SUPERCHAT_STATUS_DIRECTORY = 4,
    /**
     * A nickname is not allowed: 1 to 64 characters, no white space, no control or invisible characters,
     * and neither `[` nor `>` in front.
     */
    SUPERCHAT_STATUS_NICKNAME = 5,
    /**
     * Somebody else is online under that nickname.
     */
    SUPERCHAT_STATUS_NAME_TAKEN = 6,
    /**
     * The client is offline: register first.
     */
    SUPERCHAT_STATUS_NOT_REGISTERED = 7,
    /**
     * Nobody has ever registered under that nickname.
     */
    SUPERCHAT_STATUS_UNKNOWN_USER = 8,
    /**
     * The message does not fit the datagram that the recipient can take.
     */
    SUPERCHAT_STATUS_TOO_LONG = 9,
    /**
     * The server refused; superchat_last_error has its words.
     */
    SUPERCHAT_STATUS_REFUSED = 10,
    /**
     * The server did not answer five tries, 500 ms apart, or said that it goes down.
     */
    SUPERCHAT_STATUS_SERVER_NOT_RESPONDING = 11,
    /**
     * Too many calls wait for their outcome: 1024 messages, 16 registrations, or 1024 callbacks.
     */
    SUPERCHAT_STATUS_TOO_MANY_PENDING = 12,
    /**
     * The client is closed, or was closed before the outcome was known.
     */
    SUPERCHAT_STATUS_CLOSED = 13,
    /**
     * The operating system refused something else, such as a thread.
     */
    SUPERCHAT_STATUS_SYSTEM = 14,
    /**
     * A defect in superchat, which any function may return. The handle that was used is to be freed, not
     * used.
     */
    SUPERCHAT_STATUS_INTERNAL = 15,
    /**
     * A limit of a server is out of its range; superchat_last_error names it.
     */
    SUPERCHAT_STATUS_LIMIT = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum superchat_status superchat_status;
#else
typedef int32_t superchat_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a server's event is about.
 */
enum superchat_server_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Somebody at address asks for a nickname.
     */
    SUPERCHAT_SERVER_EVENT_KIND_REGISTER_REQUEST = 1,
    /**
     * Somebody at address asks to go offline.
     */
    SUPERCHAT_SERVER_EVENT_KIND_DEREGISTER_REQUEST = 2,
    /**
     * The user nickname could not reach the user recipient and asks the server to.
     */
    SUPERCHAT_SERVER_EVENT_KIND_STORE_REQUEST = 3,
    /**
     * No message waited for the one who just registered.
     */
    SUPERCHAT_SERVER_EVENT_KIND_MAILBOX_EMPTY = 4,
    /**
     * A user is online at address.
     */
    SUPERCHAT_SERVER_EVENT_KIND_ONLINE = 5,
    /**
     * A user is offline.
     */
    SUPERCHAT_SERVER_EVENT_KIND_OFFLINE = 6,
    /**
     * A mailbox cannot be used; text says why, and names the file.
     */
    SUPERCHAT_SERVER_EVENT_KIND_MAILBOX_FAULT = 7,
    /**
     * Messages to nickname were not fetched in time, and are removed; text says how many.
     */
    SUPERCHAT_SERVER_EVENT_KIND_MESSAGES_EXPIRED = 8,
    /**
     * Something is wrong with the files of the mailboxes; text says what, and names the file.
     */
    SUPERCHAT_SERVER_EVENT_KIND_STORE_FAULT = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum superchat_server_event_kind superchat_server_event_kind;
#else
typedef int32_t superchat_server_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The way that a message came. Later versions may have more.
 */
enum superchat_route
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * From its sender's own address.
     */
    SUPERCHAT_ROUTE_DIRECT = 1,
    /**
     * Through the server, as it was sent.
     */
    SUPERCHAT_ROUTE_RELAYED = 2,
    /**
     * Out of the server's mailbox.
     */
    SUPERCHAT_ROUTE_STORED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum superchat_route superchat_route;
#else
typedef int32_t superchat_route;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a client's event is about.
 */
enum superchat_client_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The server accepted the nickname: the client is online.
     */
    SUPERCHAT_CLIENT_EVENT_KIND_REGISTERED = 1,
    /**
     * The client is offline, by its own wish or the server's.
     */
    SUPERCHAT_CLIENT_EVENT_KIND_DEREGISTERED = 2,
    /**
     * A line from the server for the user, in text.
     */
    SUPERCHAT_CLIENT_EVENT_KIND_NOTIFICATION = 3,
    /**
     * A new table of users came.
     */
    SUPERCHAT_CLIENT_EVENT_KIND_USERS_CHANGED = 4,
    /**
     * The recipient, in nickname, did not acknowledge a direct message in time; the server is
     * asked.
     */
    SUPERCHAT_CLIENT_EVENT_KIND_UNACKNOWLEDGED = 5,
    /**
     * The server said that it is going down.
     */
    SUPERCHAT_CLIENT_EVENT_KIND_SERVER_DOWN = 6,
    /**
     * The server does not answer any more. The client registers again as soon as it does.
     */
    SUPERCHAT_CLIENT_EVENT_KIND_SERVER_LOST = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum superchat_client_event_kind superchat_client_event_kind;
#else
typedef int32_t superchat_client_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What became of a message. Later versions may have more: an unknown one is none of these.
 */
enum superchat_delivery
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing yet, or nothing good: see the status.
     */
    SUPERCHAT_DELIVERY_NONE = 0,
    /**
     * The recipient acknowledged it.
     */
    SUPERCHAT_DELIVERY_RECEIVED = 1,
    /**
     * The recipient acknowledged it to the server, which passed it on.
     */
    SUPERCHAT_DELIVERY_RELAYED = 2,
    /**
     * It is on the server's disk; the recipient gets it when it registers again.
     */
    SUPERCHAT_DELIVERY_STORED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum superchat_delivery superchat_delivery;
#else
typedef int32_t superchat_delivery;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A client. Made by superchat_client_connect, freed by superchat_client_free.
 */
typedef struct superchat_client superchat_client;

/**
 * A message that was posted, and what becomes of it. Made by superchat_client_post_pending, freed by
 * superchat_pending_wait or superchat_pending_free; it may outlive its client.
 */
typedef struct superchat_pending superchat_pending;

/**
 * A running server. Made by superchat_server_start, freed by superchat_server_free.
 */
typedef struct superchat_server superchat_server;

/**
 * What a server or client has counted since it started, and how things stand with it now. What only
 * the other kind of endpoint has is 0. Made by superchat_stats_default; docs/METRICS.md says what to
 * make of it.
 */
typedef struct superchat_stats {
    /**
     * Bytes of this struct, as the program that made it knows it. Not to be changed.
     */
    size_t size;
    /**
     * Datagrams that came, refused ones included.
     */
    uint64_t datagrams_received;
    /**
     * Datagrams that were sent.
     */
    uint64_t datagrams_sent;
    /**
     * Bytes of the datagrams that came.
     */
    uint64_t bytes_received;
    /**
     * Bytes of the datagrams that were sent.
     */
    uint64_t bytes_sent;
    /**
     * Packets of the current dialect that were sent again, because no ack came.
     */
    uint64_t retransmissions;
    /**
     * Datagrams that the operating system would not take.
     */
    uint64_t send_failures;
    /**
     * Dropped: not of the protocol.
     */
    uint64_t malformed;
    /**
     * Dropped: longer than a peer may send.
     */
    uint64_t oversized;
    /**
     * Dropped: its sender may not send such a thing, or not now.
     */
    uint64_t unexpected;
    /**
     * Left unanswered, to be sent again, because a queue was full.
     */
    uint64_t busy;
    /**
     * Dropped, or left unanswered, to be sent again: past the rate of its address or its name.
     */
    uint64_t limited;
    /**
     * Addresses with something under way that had proven nothing and made room for newer ones. Of a
     * server.
     */
    uint64_t displaced;
    /**
     * Not sent: the address is not proven, and it would have been more than three times what came from it.
     */
    uint64_t withheld;
    /**
     * Own messages that their recipients acknowledged. Of a client.
     */
    uint64_t messages_received;
    /**
     * Messages that were passed on to who acknowledged them: own ones; those of others at a server.
     */
    uint64_t messages_relayed;
    /**
     * Messages that the server's store has synced: own ones; those of others at a server.
     */
    uint64_t messages_stored;
    /**
     * Own messages that had an error for an outcome. Of a client.
     */
    uint64_t messages_failed;
    /**
     * Messages out of mailboxes that their recipients acknowledged. Of a server.
     */
    uint64_t messages_delivered;
    /**
     * Messages that were not stored, of which their senders were told why. Of a server.
     */
    uint64_t messages_refused;
    /**
     * Messages that waited too long, and are removed. Of a server.
     */
    uint64_t messages_expired;
    /**
     * Times that a mailbox, or another file of the store, could not be used. Of a server.
     */
    uint64_t store_faults;
    /**
     * Times that the store has synced what it was asked to keep. Of a server.
     */
    uint64_t commits;
    /**
     * Users in the table, online or not. Of a server.
     */
    uint64_t users;
    /**
     * Those of them who are online. Of a server.
     */
    uint64_t users_online;
    /**
     * Mailboxes with messages in them. Of a server.
     */
    uint64_t mailboxes;
    /**
     * Bytes of these mailboxes. Of a server.
     */
    uint64_t stored_bytes;
    /**
     * Bytes of the store's journal. Of a server.
     */
    uint64_t journal_bytes;
    /**
     * Mailboxes whose files lack what is in the journal. Of a server.
     */
    uint64_t unsettled;
    /**
     * Own messages that have no outcome yet. Of a client.
     */
    uint64_t messages_pending;
    /**
     * Requests of clients that are not answered yet. Of a server.
     */
    uint64_t requests_pending;
    /**
     * Requests to the store that are not carried out yet. Of a server.
     */
    uint64_t store_requests_pending;
    /**
     * Events, messages among them, for which no callback was called yet.
     */
    uint64_t events_pending;
    /**
     * Frames, and classic datagrams, that nobody has acknowledged yet.
     */
    uint64_t frames_pending;
    /**
     * Round trips that were measured: from a packet, sent once, to its ack.
     */
    uint64_t round_trips;
    /**
     * Half of the last 1024 of them took no longer than this, in seconds. 0 before the first.
     */
    double round_trip_p50;
    /**
     * Nine in ten of them took no longer than this, in seconds.
     */
    double round_trip_p90;
    /**
     * All but one in a hundred of them took no longer than this, in seconds.
     */
    double round_trip_p99;
} superchat_stats;

/**
 * How much of everything a server takes. Made by superchat_limits_default, then changed where needed;
 * docs/LIMITS.md says of each what happens past it.
 */
typedef struct superchat_limits {
    /**
     * Bytes of this struct, as the program that made it knows it. Not to be changed.
     */
    size_t size;
    /**
     * Users in the table, offline ones included.
     */
    size_t users;
    /**
     * Users past which a client is not told of all of them, but looks up whom it needs.
     */
    size_t lookup_past;
    /**
     * Bytes of UTF-8 of a message that is passed on or stored.
     */
    size_t message_bytes;
    /**
     * Datagrams a second from an IPv4 address, or an IPv6 network of 64 bits, that are of no registered
     * session.
     */
    uint32_t stranger_datagrams_per_second;
    /**
     * Datagrams a second from an address where somebody is registered.
     */
    uint32_t member_datagrams_per_second;
    /**
     * Registrations, deregistrations and messages to keep, a second, of one nickname.
     */
    uint32_t name_requests_per_second;
    /**
     * Addresses that have proven nothing yet with which something is under way.
     */
    size_t handshakes;
    /**
     * How many times the bytes that came from such an address may be sent there.
     */
    uint32_t unproven_factor;
    /**
     * Mailboxes with messages in them.
     */
    size_t mailboxes;
    /**
     * Bytes of a mailbox.
     */
    uint64_t mailbox_bytes;
    /**
     * Messages in a mailbox.
     */
    size_t mailbox_messages;
    /**
     * Bytes of all mailboxes together.
     */
    uint64_t store_bytes;
    /**
     * How long a message waits for its recipient, in seconds; 0 for ever.
     */
    uint64_t message_age;
} superchat_limits;

/**
 * Something that a server tells. Its strings live until the callback returns. Later versions may have
 * more fields at its end.
 */
typedef struct superchat_server_event {
    /**
     * What it is about. Later versions may have more kinds.
     */
    superchat_server_event_kind kind;
    /**
     * Whom it is about. Never NULL.
     */
    const char *nickname;
    /**
     * For whom a message is; otherwise empty. Never NULL.
     */
    const char *recipient;
    /**
     * Where, as "host:port"; otherwise empty. Never NULL.
     */
    const char *address;
    /**
     * The event as a line for a log, fit for a terminal. Never NULL.
     */
    const char *text;
} superchat_server_event;

/**
 * Called with each event of a server.
 */
typedef void (*superchat_on_server_event)(void *userdata, const struct superchat_server_event *event);

/**
 * How a server is set up. Made by superchat_server_options_default, then changed where needed.
 */
typedef struct superchat_server_options {
    /**
     * Bytes of this struct, as the program that made it knows it. Not to be changed.
     */
    size_t size;
    /**
     * Where to listen, as "host:port"; NULL for any free port of "localhost".
     */
    const char *bind;
    /**
     * Where to keep the mailboxes; it must exist. NULL for the current directory.
     */
    const char *directory;
    /**
     * How much of everything to take, made by superchat_limits_default; NULL for the defaults.
     */
    const struct superchat_limits *limits;
    /**
     * Whether to refuse clients that speak the classic dialect, as the programs of 2017 do.
     */
    bool refuse_classic;
    /**
     * Whether on_event runs where superchat_server_dispatch is called, for an event loop, instead of on
     * a thread of the server's own.
     */
    bool polled;
    /**
     * What to call with each event; or NULL.
     */
    superchat_on_server_event on_event;
    /**
     * Given to the callback. What it points to must live until superchat_server_free returns.
     */
    void *userdata;
} superchat_server_options;

/**
 * A row of the table of users. Its strings live until the callback returns. Later versions may have
 * more fields at its end.
 */
typedef struct superchat_user {
    /**
     * The nickname. Never NULL.
     */
    const char *nickname;
    /**
     * Where the user is, or was last, as "host:port". Never NULL.
     */
    const char *address;
    /**
     * Whether the user is there.
     */
    bool online;
    /**
     * When the server last heard of the user, in seconds since the Unix epoch; 0 while the user is
     * there, or where that is not known.
     */
    double last_seen;
} superchat_user;

/**
 * Called with each row of a table of users, before the function that was given it returns.
 */
typedef void (*superchat_on_user)(void *userdata, const struct superchat_user *user);

/**
 * A message from another client. Its strings live until the callback returns. Later versions may have
 * more fields at its end.
 */
typedef struct superchat_message {
    /**
     * Who wrote it. Never NULL.
     */
    const char *sender;
    /**
     * What it says, in UTF-8, with a NUL at its end. Anything can be in it, also what a terminal would
     * obey: escape sequences, line ends, overrides of the direction. Never NULL.
     */
    const char *text;
    /**
     * Bytes of the text without that NUL: others may be inside.
     */
    size_t text_length;
    /**
     * The way that it came.
     */
    superchat_route route;
    /**
     * When the server stored it, in seconds since the Unix epoch; 0 if it came at once.
     */
    double sent_at;
} superchat_message;

/**
 * Called with each message.
 */
typedef void (*superchat_on_message)(void *userdata, const struct superchat_message *message);

/**
 * Something that a client tells. Its strings live until the callback returns. Later versions may have
 * more fields at its end.
 */
typedef struct superchat_client_event {
    /**
     * What it is about. Later versions may have more kinds.
     */
    superchat_client_event_kind kind;
    /**
     * Whom it is about; empty where it is about nobody. Never NULL.
     */
    const char *nickname;
    /**
     * What the server says; empty where it says nothing. Never NULL.
     */
    const char *text;
} superchat_client_event;

/**
 * Called with each event of a client, in order with its messages.
 */
typedef void (*superchat_on_client_event)(void *userdata, const struct superchat_client_event *event);

/**
 * How a client is set up. Made by superchat_client_options_default, then changed where needed.
 */
typedef struct superchat_client_options {
    /**
     * Bytes of this struct, as the program that made it knows it. Not to be changed.
     */
    size_t size;
    /**
     * The nickname to register under. Not NULL.
     */
    const char *nickname;
    /**
     * The server, as "host:port"; NULL for "localhost:5000".
     */
    const char *server;
    /**
     * Where to listen, as "host:port"; NULL for the loopback interface if the server is there, and
     * all interfaces otherwise, at port.
     */
    const char *bind;
    /**
     * The port to listen at where bind is NULL; 0 for any free one.
     */
    uint16_t port;
    /**
     * Whether to leave registering to superchat_client_register.
     */
    bool offline;
    /**
     * Whether callbacks run where superchat_client_dispatch is called, for an event loop, instead of on
     * a thread of the client's own.
     */
    bool polled;
    /**
     * What to call with each message; or NULL.
     */
    superchat_on_message on_message;
    /**
     * What to call with each event, in order with the messages; or NULL.
     */
    superchat_on_client_event on_event;
    /**
     * Given to both callbacks. What it points to must live until superchat_client_free returns.
     */
    void *userdata;
} superchat_client_options;

/**
 * Called with what became of a posted message, in order with the other callbacks: OK and the
 * delivery, or another status and NONE. Inside it superchat_last_error has a line about a failure. Later
 * versions may give more of both.
 */
typedef void (*superchat_on_outcome)(void *userdata,
                                     superchat_status status,
                                     superchat_delivery delivery);

/**
 * Called with what became of a posted registration or deregistration, in order with the other
 * callbacks, after the events that came with it. Inside it superchat_last_error has a line about a
 * failure. Later versions may give more statuses.
 */
typedef void (*superchat_on_done)(void *userdata, superchat_status status);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that the program runs with, such as "0.1.0".
 *
 * NULL: is never returned.
 * Ownership: the string is the library's.
 * Lifetime: as long as the library is loaded.
 * Thread: any.
 * Returns: the version; it cannot fail.
 */
const char *superchat_version(void);

/**
 * One line about the last failure on this thread: of a call that returned a status other than OK, or,
 * inside on_outcome and on_done, of what they are told of. Empty if there was none.
 *
 * NULL: is never returned.
 * Ownership: the string is the library's.
 * Lifetime: until the next failure on this thread, or the thread's end.
 * Thread: any; each has its own.
 * Returns: the line; it cannot fail.
 */
const char *superchat_last_error(void);

/**
 * Sets stats of size bytes to nothing counted. Programs call superchat_stats_default, which passes the
 * size that they know.
 *
 * NULL: does nothing.
 * Ownership: stats stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any.
 * Returns: nothing; it cannot fail.
 */
void superchat_stats_init(struct superchat_stats *stats,
                          size_t size);

/**
 * Sets limits of size bytes to their defaults. Programs call superchat_limits_default, which passes
 * the size that they know.
 *
 * NULL: does nothing.
 * Ownership: limits stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any.
 * Returns: nothing; it cannot fail.
 */
void superchat_limits_init(struct superchat_limits *limits, size_t size);

/**
 * Starts a server, which serves on threads of its own. server is set to a handle, or to NULL on
 * failure.
 *
 * NULL: options and server must not be.
 * Ownership: the handle is the caller's, to be freed by superchat_server_free; options stays the
 * caller's.
 * Lifetime: options, its strings and its limits are read before this returns; what userdata points to
 * is used until superchat_server_free returns.
 * Thread: any.
 * Returns: OK, INVALID_ARGUMENT, LIMIT, ADDRESS, BIND, DIRECTORY or SYSTEM.
 */
superchat_status superchat_server_start(const struct superchat_server_options *options,
                                        struct superchat_server **server);

/**
 * Tells everyone online that the server is down, waits a second at the most for their acks, and
 * stops. From inside a callback of a server that is not polled it does not wait. Does nothing if the
 * server has stopped.
 *
 * NULL: does nothing.
 * Ownership: the handle stays the caller's, still to be freed.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included, also several at once: each returns after the end.
 * Returns: nothing; it cannot fail.
 */
void superchat_server_stop(const struct superchat_server *server);

/**
 * Stops the server, if it has not stopped, and frees it. Where the server is polled, the callbacks that
 * wait run in this call. Does nothing inside a callback of a server that is being freed: that goes on.
 *
 * NULL: does nothing.
 * Ownership: the handle is the library's again.
 * Lifetime: after this returns on_event is not called any more.
 * Thread: any, callbacks included; no other thread may be using the handle, but a callback that is
 * under way, which is waited for.
 * Returns: nothing; it cannot fail.
 */
void superchat_server_free(struct superchat_server *server);

/**
 * Sets options of size bytes to their defaults. Programs call superchat_server_options_default, which
 * passes the size that they know.
 *
 * NULL: does nothing.
 * Ownership: options stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any.
 * Returns: nothing; it cannot fail.
 */
void superchat_server_options_init(struct superchat_server_options *options,
                                   size_t size);

/**
 * A file descriptor that is readable while callbacks of a polled server wait to be run, and after the
 * server's end: for poll, select, epoll and the like, and for nothing else.
 *
 * NULL: server gives -1.
 * Ownership: the descriptor is the server's; it is not to be closed.
 * Lifetime: the descriptor is the same until superchat_server_free.
 * Thread: any, callbacks included.
 * Returns: the descriptor; -1 if the server is not polled. Otherwise it cannot fail.
 */
int superchat_server_fd(const struct superchat_server *server);

/**
 * Runs the callbacks of a polled server that wait when this is called, on this
 * thread. What comes meanwhile waits for the next call, so that a flood keeps no loop from its
 * other work. A second call at the same time, or from inside a callback, does nothing.
 *
 * NULL: server must not be.
 * Ownership: server stays the caller's. A callback may free it: it is gone then, and this returns CLOSED.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: OK; INVALID_ARGUMENT, also if the server is not polled; CLOSED when the server has ended and
 * everything has run: the descriptor stays readable then, and is to be left out of the loop.
 */
superchat_status superchat_server_dispatch(const struct superchat_server *server);

/**
 * Writes where the server listens, as "host:port", to a buffer of size bytes, cut to what fits, with
 * a NUL at its end.
 *
 * NULL: server gives 0; buffer is not written to, for the length alone.
 * Ownership: both stay the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: the length of the whole without the NUL, as snprintf does; it cannot fail.
 */
size_t superchat_server_address(const struct superchat_server *server,
                                char *buffer,
                                size_t size);

/**
 * Fills in limits, which superchat_limits_default has made, with those that the server was started
 * with.
 *
 * NULL: server and limits must not be.
 * Ownership: both stay the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: OK or INVALID_ARGUMENT.
 */
superchat_status superchat_server_limits(const struct superchat_server *server,
                                         struct superchat_limits *limits);

/**
 * Calls on_user with everyone who registered, online or not, by nickname, before this returns and on
 * this thread.
 *
 * NULL: server and on_user must not be.
 * Ownership: all stay the caller's.
 * Lifetime: userdata is used until this returns; a row until on_user returns.
 * Thread: any, callbacks included.
 * Returns: OK or INVALID_ARGUMENT.
 */
superchat_status superchat_server_users(const struct superchat_server *server,
                                        superchat_on_user on_user,
                                        void *userdata);

/**
 * Fills in stats, which superchat_stats_default has made.
 *
 * NULL: server and stats must not be.
 * Ownership: both stay the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: OK or INVALID_ARGUMENT.
 */
superchat_status superchat_server_stats(const struct superchat_server *server,
                                        struct superchat_stats *stats);

/**
 * Starts a client and registers it, unless options say otherwise; waits for the server. client is set
 * to a handle, or to NULL on failure.
 *
 * NULL: options and client must not be.
 * Ownership: the handle is the caller's, to be freed by superchat_client_free; options stays the
 * caller's.
 * Lifetime: options and its strings are read before this returns; what userdata points to is used
 * until superchat_client_free returns.
 * Thread: any.
 * Returns: OK, INVALID_ARGUMENT, NICKNAME, ADDRESS, BIND, SYSTEM; and, unless options.offline,
 * NAME_TAKEN, REFUSED, SERVER_NOT_RESPONDING, TOO_MANY_PENDING or CLOSED.
 */
superchat_status superchat_client_connect(const struct superchat_client_options *options,
                                          struct superchat_client **client);

/**
 * Logs off and stops; what is pending completes with CLOSED. A server that does not answer is waited
 * for a second. From inside a callback of a client that is not polled it does not wait. Does nothing if
 * the client is closed.
 *
 * NULL: does nothing.
 * Ownership: the handle stays the caller's, still to be freed.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included, also several at once: each returns after the end.
 * Returns: nothing; it cannot fail.
 */
void superchat_client_close(const struct superchat_client *client);

/**
 * Closes the client, if it is not closed, and frees it. Where the client is polled, the callbacks that
 * wait run in this call. Does nothing inside a callback of a client that is being freed: that goes on.
 *
 * NULL: does nothing.
 * Ownership: the handle is the library's again.
 * Lifetime: after this returns no callback is called any more; if it was called from inside one,
 * on_message and on_event are not, but on_outcome and on_done may still be.
 * Thread: any, callbacks included; no other thread may be using the handle, but a callback that is
 * under way, which is waited for.
 * Returns: nothing; it cannot fail.
 */
void superchat_client_free(struct superchat_client *client);

/**
 * Sends a message and waits for what becomes of it: 500 ms for the recipient's ack, then for the
 * server. delivery is set to what became of it, NONE on failure.
 *
 * NULL: client, recipient and text must not be; delivery may.
 * Ownership: all stay the caller's.
 * Lifetime: recipient and text are read before this returns.
 * Thread: any, callbacks included.
 * Returns: OK, INVALID_ARGUMENT, NICKNAME, UNKNOWN_USER, NOT_REGISTERED, TOO_LONG, TOO_MANY_PENDING,
 * REFUSED, SERVER_NOT_RESPONDING or CLOSED.
 */
superchat_status superchat_client_send(const struct superchat_client *client,
                                       const char *recipient,
                                       const char *text,
                                       superchat_delivery *delivery);

/**
 * Sends a message without waiting: on_outcome is called once with what became of it, unless this
 * returns another status than OK. Messages to one recipient are sent in the order in which they were
 * posted.
 *
 * NULL: client, recipient and text must not be; on_outcome may, where nobody asks.
 * Ownership: all stay the caller's.
 * Lifetime: recipient and text are read before this returns; userdata is used until on_outcome
 * returns.
 * Thread: any, callbacks included.
 * Returns: OK, INVALID_ARGUMENT, NICKNAME, CLOSED, or TOO_MANY_PENDING while 1024 callbacks have not
 * been called. on_outcome is given what superchat_client_send returns.
 */
superchat_status superchat_client_post(const struct superchat_client *client,
                                       const char *recipient,
                                       const char *text,
                                       superchat_on_outcome on_outcome,
                                       void *userdata);

/**
 * Sets options of size bytes to their defaults. Programs call superchat_client_options_default, which
 * passes the size that they know.
 *
 * NULL: does nothing.
 * Ownership: options stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any.
 * Returns: nothing; it cannot fail.
 */
void superchat_client_options_init(struct superchat_client_options *options,
                                   size_t size);

/**
 * Sends a message without waiting, nor a callback: pending is set to what superchat_pending_wait
 * waits on, or to NULL on failure. Messages to one recipient are sent in the order in which they were posted.
 *
 * NULL: none may be.
 * Ownership: the pending is the caller's, to be given to superchat_pending_wait or superchat_pending_free; the
 * rest stays the caller's.
 * Lifetime: recipient and text are read before this returns.
 * Thread: any, callbacks included.
 * Returns: OK, INVALID_ARGUMENT, NICKNAME or CLOSED.
 */
superchat_status superchat_client_post_pending(const struct superchat_client *client,
                                               const char *recipient,
                                               const char *text,
                                               struct superchat_pending **pending);

/**
 * Whether what becomes of the message is known, so that superchat_pending_wait returns at once.
 *
 * NULL: pending gives true.
 * Ownership: the pending stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: whether it is known; it cannot fail.
 */
bool superchat_pending_is_finished(const struct superchat_pending *pending);

/**
 * Waits for what becomes of the message, and frees the pending. delivery is set to what became of it,
 * NONE on failure.
 *
 * NULL: pending must not be; delivery may.
 * Ownership: the pending is the library's again, whatever is returned; delivery stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included; no other thread may be using the pending.
 * Returns: OK, INVALID_ARGUMENT, UNKNOWN_USER, NOT_REGISTERED, TOO_LONG, TOO_MANY_PENDING, REFUSED,
 * SERVER_NOT_RESPONDING or CLOSED.
 */
superchat_status superchat_pending_wait(struct superchat_pending *pending,
                                        superchat_delivery *delivery);

/**
 * Frees a pending without waiting. What was sent is not taken back.
 *
 * NULL: does nothing.
 * Ownership: the pending is the library's again.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included; no other thread may be using the pending.
 * Returns: nothing; it cannot fail.
 */
void superchat_pending_free(struct superchat_pending *pending);

/**
 * A file descriptor that is readable while callbacks of a polled client wait to be run, and after the
 * client's end: for poll, select, epoll and the like, and for nothing else.
 *
 * NULL: client gives -1.
 * Ownership: the descriptor is the client's; it is not to be closed.
 * Lifetime: the descriptor is the same until superchat_client_free.
 * Thread: any, callbacks included.
 * Returns: the descriptor; -1 if the client is not polled. Otherwise it cannot fail.
 */
int superchat_client_fd(const struct superchat_client *client);

/**
 * Runs the callbacks of a polled client that wait when this is called, those of posted calls too, on
 * this thread. What comes meanwhile waits for the next call, so that a flood keeps no loop from its
 * other work. A second call at the same time, or from inside a callback, does nothing.
 *
 * NULL: client must not be.
 * Ownership: client stays the caller's. A callback may free it: it is gone then, and this returns CLOSED.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: OK; INVALID_ARGUMENT, also if the client is not polled; CLOSED when the client has ended and
 * everything has run: the descriptor stays readable then, and is to be left out of the loop.
 */
superchat_status superchat_client_dispatch(const struct superchat_client *client);

/**
 * Whether the server holds the client online.
 *
 * NULL: false.
 * Ownership: client stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: true or false; it cannot fail.
 */
bool superchat_client_is_registered(const struct superchat_client *client);

/**
 * Writes the nickname that the client is, or was last, registered under to a buffer of size bytes,
 * cut to what fits, with a NUL at its end.
 *
 * NULL: client gives 0; buffer is not written to, for the length alone.
 * Ownership: both stay the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: the length of the whole without the NUL, as snprintf does; it cannot fail.
 */
size_t superchat_client_nickname(const struct superchat_client *client, char *buffer, size_t size);

/**
 * Writes where the client listens, as "host:port", to a buffer of size bytes, cut to what fits, with
 * a NUL at its end.
 *
 * NULL: client gives 0; buffer is not written to, for the length alone.
 * Ownership: both stay the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: the length of the whole without the NUL, as snprintf does; it cannot fail.
 */
size_t superchat_client_address(const struct superchat_client *client,
                                char *buffer,
                                size_t size);

/**
 * Calls on_user with each row of the table of users as the server last sent it, by nickname, before
 * this returns and on this thread.
 *
 * NULL: client and on_user must not be.
 * Ownership: all stay the caller's.
 * Lifetime: userdata is used until this returns; a row until on_user returns.
 * Thread: any, callbacks included.
 * Returns: OK or INVALID_ARGUMENT.
 */
superchat_status superchat_client_users(const struct superchat_client *client,
                                        superchat_on_user on_user,
                                        void *userdata);

/**
 * Fills in stats, which superchat_stats_default has made.
 *
 * NULL: client and stats must not be.
 * Ownership: both stay the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: OK or INVALID_ARGUMENT.
 */
superchat_status superchat_client_stats(const struct superchat_client *client,
                                        struct superchat_stats *stats);

/**
 * Goes online under nickname, and waits for the server.
 *
 * NULL: client must not be; nickname may, for the last one.
 * Ownership: both stay the caller's.
 * Lifetime: nickname is read before this returns.
 * Thread: any, callbacks included.
 * Returns: OK, INVALID_ARGUMENT, NICKNAME, NAME_TAKEN, REFUSED, SERVER_NOT_RESPONDING,
 * TOO_MANY_PENDING or CLOSED.
 */
superchat_status superchat_client_register(const struct superchat_client *client,
                                           const char *nickname);

/**
 * Goes online under nickname without waiting: on_done is called once with what became of it, unless
 * this returns another status than OK.
 *
 * NULL: client must not be; nickname may, for the last one; on_done may, where nobody asks.
 * Ownership: all stay the caller's.
 * Lifetime: nickname is read before this returns; userdata is used until on_done returns.
 * Thread: any, callbacks included.
 * Returns: OK, INVALID_ARGUMENT, NICKNAME, CLOSED, or TOO_MANY_PENDING while 1024 callbacks have not
 * been called. on_done is given what superchat_client_register returns.
 */
superchat_status superchat_client_post_register(const struct superchat_client *client,
                                                const char *nickname,
                                                superchat_on_done on_done,
                                                void *userdata);

/**
 * Goes offline, and waits for the server; messages then wait in the server's mailbox.
 *
 * NULL: client must not be.
 * Ownership: client stays the caller's.
 * Lifetime: nothing is kept.
 * Thread: any, callbacks included.
 * Returns: OK, INVALID_ARGUMENT, TOO_MANY_PENDING; or SERVER_NOT_RESPONDING or CLOSED, with which the
 * client is offline all the same.
 */
superchat_status superchat_client_deregister(const struct superchat_client *client);

/**
 * Goes offline without waiting: on_done is called once with what became of it, unless this returns
 * another status than OK.
 *
 * NULL: client must not be; on_done may, where nobody asks.
 * Ownership: all stay the caller's.
 * Lifetime: userdata is used until on_done returns.
 * Thread: any, callbacks included.
 * Returns: OK, INVALID_ARGUMENT, CLOSED, or TOO_MANY_PENDING while 1024 callbacks have not been
 * called. on_done is given what superchat_client_deregister returns.
 */
superchat_status superchat_client_post_deregister(const struct superchat_client *client,
                                                  superchat_on_done on_done,
                                                  void *userdata);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* The structs of which a program says how large it knows them: a program that was compiled with an
 * older header, or a newer one, than the library that it runs with passes another size. */

/** Options of a client with everything at its default; the nickname is to be set. */
static inline superchat_client_options superchat_client_options_default(void)
{
    superchat_client_options options;
    superchat_client_options_init(&options, sizeof options);
    return options;
}

/** Options of a server with everything at its default. */
static inline superchat_server_options superchat_server_options_default(void)
{
    superchat_server_options options;
    superchat_server_options_init(&options, sizeof options);
    return options;
}

/** Limits of a server, each at its default. */
static inline superchat_limits superchat_limits_default(void)
{
    superchat_limits limits;
    superchat_limits_init(&limits, sizeof limits);
    return limits;
}

/** Nothing counted: to be filled in by superchat_server_stats or superchat_client_stats. */
static inline superchat_stats superchat_stats_default(void)
{
    superchat_stats stats;
    superchat_stats_init(&stats, sizeof stats);
    return stats;
}

#endif  /* SUPERCHAT_H */
